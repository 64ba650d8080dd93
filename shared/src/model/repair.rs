//! Repair: what came is made into what can be recorded.
//!
//! A log that refuses a record because a detail of it looks odd lets whoever controls that detail act
//! unrecorded: a user agent of a thousand letters would do. So a detail over a limit is cut, one that
//! makes no sense is left out, and the entry says in [`altered`](crate::Details::altered) what came.
//! Only an action is required, and a user. [`NewActivity::validate`] is for a service that would
//! rather have the error.
//!
//! The queue, the logger and `activities import --repair` all come through here: the
//! [message](crate::message) reads JSON of any type into the fields, and [`NewActivity::repair`] brings
//! each within its limits. What is within its limits already stays as it is.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest::{self, SHA256};

use super::activity::{
    Altered, Details, InvalidActivity, LIMITED_TEXTS, LimitedText, Metadata, NewActivity,
    is_alterable, limit,
};
use super::json;
use crate::time::Timestamp;

impl NewActivity {
    /// Brings every field within its limits, and notes in `altered` what came in its place.
    ///
    /// ```
    /// use activity_log::NewActivity;
    ///
    /// let mut activity = NewActivity::new("Create").user_agent("x".repeat(2_000));
    /// activity.repair()?;
    /// let details = &activity.details;
    /// assert_eq!((details.action.as_str(), &details.altered["action"]), ("create", &Some("Create".into())));
    /// assert_eq!(details.user_agent.as_ref().map(String::len), Some(512));
    /// // Of a text that is too long, the entry says only that it was cut.
    /// assert_eq!(details.altered["userAgent"], None);
    ///
    /// assert!(NewActivity::new("").repair().is_err());
    /// # Ok::<_, activity_log::activity::InvalidActivity>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidActivity`] if there is no action. Nothing else is required.
    pub fn repair(&mut self) -> Result<(), InvalidActivity> {
        let Details {
            project_id,
            environment_id,
            resource_type,
            action,
            metadata,
            ip_address,
            altered,
            ..
        } = &mut self.details;
        if action.is_empty() {
            let reason = "must not be empty".to_owned();
            return Err(InvalidActivity { field: "action", reason });
        }
        altered.retain(|field, _| is_alterable(field));
        for came in altered.values_mut().flatten() {
            truncate(came, limit::ALTERED);
        }
        replace(altered, "action", action, name(action));
        if let Some(given) = resource_type {
            replace(altered, "resourceType", given, name(given));
        }
        if resource_type.as_deref() == Some("") {
            note(altered, "resourceType", "");
            *resource_type = None;
        }
        if let Some(environment) = environment_id.take_if(|_| project_id.is_none()) {
            note(altered, "environmentId", &environment.to_string());
        }
        if let Some(given) = metadata {
            let kept = within_limits(given.as_text());
            if kept != given.as_text() {
                note(altered, "metadata", given.as_text());
                *metadata = Metadata::from_text(kept.into_owned()).ok();
            }
        }
        if let Some(address) = ip_address.as_mut().filter(|given| given.to_canonical() != **given) {
            note(altered, "ipAddress", &address.to_string());
            *address = address.to_canonical();
        }
        match &mut self.idempotency_key {
            Some(key) if key.is_empty() => {
                note(altered, "idempotencyKey", key);
                self.idempotency_key = None;
            }
            Some(key) if key.len() > limit::IDEMPOTENCY_KEY => {
                note(altered, "idempotencyKey", key);
                *key = digest(&serde_json::json!(key).to_string());
            }
            _ => {}
        }
        for LimitedText { name, limit, get_mut, .. } in LIMITED_TEXTS {
            if let Some(mut text) = get_mut(&mut self.details).take_if(|text| text.len() > limit) {
                note(&mut self.details.altered, name, &text);
                truncate(&mut text, limit);
                *get_mut(&mut self.details) = Some(text);
            }
        }
        Ok(())
    }
}

impl Details {
    /// What is recorded where a log has no room for its pair of resource type and action: no type,
    /// [`Self::OTHER`], and what came in `altered`, unless that was altered before.
    #[must_use]
    pub fn as_other(mut self) -> Self {
        let action = std::mem::replace(&mut self.action, Self::OTHER.to_owned());
        note(&mut self.altered, "action", &action);
        if let Some(resource_type) = self.resource_type.take() {
            note(&mut self.altered, "resourceType", &resource_type);
        }
        self
    }

    /// Brings `occurred_at` to `now` where it is later, and notes what came.
    pub fn repair_time(&mut self, now: Timestamp) {
        if let Some(time) = self.occurred_at.as_mut().filter(|time| **time > now) {
            note(&mut self.altered, "occurredAt", &time.to_string());
            *time = now;
        }
    }
}

/// Notes what came in place of a field, unless that was altered before: at most
/// [`limit::ALTERED`] bytes of it; of a text that is cut at its limit, nothing if it is longer than that,
/// since what is kept of it begins in the same way.
pub(super) fn note(altered: &mut Altered, field: &str, came: &str) {
    let is_cut = LIMITED_TEXTS.iter().any(|text| text.name == field);
    let is_left_out = came.len() > limit::ALTERED && is_cut;
    altered
        .entry(field.to_owned())
        .or_insert_with(|| (!is_left_out).then(|| start(came, limit::ALTERED).to_owned()));
}

/// Puts `kept` in the place of a text, and notes what came if that is something else.
fn replace(altered: &mut Altered, field: &str, text: &mut String, kept: String) {
    if *text != kept {
        note(altered, field, text);
        *text = kept;
    }
}

/// The beginning of `text`, up to `limit` bytes, with no character cut in two.
fn start(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

fn truncate(text: &mut String, limit: usize) {
    text.truncate(start(text, limit).len());
}

/// `text` as a resource type or action: in lower case, with `_` for each character that may not stand
/// there, cut.
pub(super) fn name(text: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '_' | '.' | ':' | '-') => letter,
        _ => '_',
    };
    text.chars().map(letter).take(limit::NAME).collect()
}

/// What stands in place of an idempotency key: the hash of a JSON text.
pub(crate) fn digest(json: &str) -> String {
    format!("sha256:{}", sha256(json))
}

/// The SHA-256 of a text (FIPS 180-4), in hexadecimal digits.
fn sha256(text: &str) -> String {
    let hash = digest::digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// `metadata`, a JSON object, or what stands in its place where that has half a surrogate pair, is
/// nested too deeply or is too long: with its hash, so that two that are left out can be told apart, and
/// whoever has the original can show that it is the one.
fn within_limits(metadata: &str) -> Cow<'_, str> {
    let text = json::well_formed(metadata);
    let hash = || sha256(&text);
    if json::depth(&text) > limit::METADATA_DEPTH {
        format!(r#"{{"omitted":"nested too deeply","sha256":"{}"}}"#, hash()).into()
    } else if text.len() > limit::METADATA {
        let bytes = text.len();
        format!(r#"{{"omitted":"too long","bytes":{bytes},"sha256":"{}"}}"#, hash()).into()
    } else {
        text
    }
}

/// The address that `text` has: with or without port, brackets, zone and spaces around it. Of a list,
/// the last that others can reach, since whoever is asked first may write whatever he likes before it
/// (as `X-Forwarded-For` is written); or else the last. An IPv4 address within an IPv6 address is the
/// IPv4 address (RFC 4291, section 2.5.5.2).
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let found: Vec<IpAddr> = text.split(',').filter_map(one_address).collect();
    found.iter().rfind(|address| is_public(address)).or(found.last()).copied()
}

fn one_address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '"');
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => match text.split_once(':') {
            // One colon is before a port; an IPv6 address has two at least.
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
            _ => text.trim_end_matches(']'),
        },
    };
    let host = host.trim_matches('"').split('%').next()?;
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Whether an address is not private, loopback, link-local or shared (RFC 6890, RFC 4193).
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            let is_internal = address.is_private() || address.is_loopback();
            !(is_internal
                || address.is_link_local()
                || is_shared
                || *address == Ipv4Addr::UNSPECIFIED)
        }
        IpAddr::V6(address) => {
            let is_internal = address.is_unique_local() || address.is_loopback();
            !(is_internal || address.is_unicast_link_local() || *address == Ipv6Addr::UNSPECIFIED)
        }
    }
}
