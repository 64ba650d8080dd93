//! Validation, the strict side of the limits: the first limit that an activity breaks is an error.

use super::activity::{InvalidActivity, LIMITED_TEXTS, Metadata, NewActivity, is_alterable, limit};
use super::{json, repair};

impl NewActivity {
    /// Checks every limit, for a service that would rather have an error than a
    /// [repair](Self::repair). What this accepts, a repair does not change.
    ///
    /// ```
    /// use activity_log::NewActivity;
    ///
    /// assert!(NewActivity::new("create").validate().is_ok());
    /// let error = NewActivity::new("Create").validate().unwrap_err();
    /// assert_eq!(error.field, "action");
    /// ```
    ///
    /// # Errors
    /// [`InvalidActivity`] naming the first field at fault.
    pub fn validate(&self) -> Result<(), InvalidActivity> {
        let details = &self.details;
        check_name("action", &details.action)?;
        if let Some(resource_type) = &details.resource_type {
            check_name("resourceType", resource_type)?;
        }
        if details.environment_id.is_some() && details.project_id.is_none() {
            return Err(invalid("environmentId", "needs projectId"));
        }
        let metadata = details.metadata.as_ref().map(Metadata::as_text);
        for text in LIMITED_TEXTS {
            check_length(text.name, (text.get)(details), text.limit)?;
        }
        check_length("metadata", metadata, limit::METADATA)?;
        if metadata.is_some_and(|text| json::depth(text) > limit::METADATA_DEPTH) {
            let reason = format!("must be nested at most {} deep", limit::METADATA_DEPTH);
            return Err(invalid("metadata", reason));
        }
        if metadata.is_some_and(|text| json::well_formed(text) != text) {
            return Err(invalid("metadata", "must not have half of a surrogate pair"));
        }
        if details.ip_address.is_some_and(|address| address.to_canonical() != address) {
            return Err(invalid("ipAddress", "must be the IPv4 address that it holds"));
        }
        check_length("idempotencyKey", self.idempotency_key.as_deref(), limit::IDEMPOTENCY_KEY)?;
        if self.idempotency_key.as_deref() == Some("") {
            return Err(invalid("idempotencyKey", "must not be empty"));
        }
        for (field, came) in &details.altered {
            if !is_alterable(field) {
                return Err(invalid("altered", "must have no members but fields of an activity"));
            }
            check_length("altered", came.as_deref(), limit::ALTERED)?;
        }
        Ok(())
    }
}

/// Checks that `name` is valid for an action or a resource type: 1–64 of `[a-z0-9_.:-]`.
fn check_name(field: &'static str, name: &str) -> Result<(), InvalidActivity> {
    if !name.is_empty() && repair::name(name) == name {
        Ok(())
    } else {
        Err(invalid(field, format!("must be 1 to {} characters of a-z 0-9 _ . : -", limit::NAME)))
    }
}

fn check_length(
    field: &'static str,
    text: Option<&str>,
    limit: usize,
) -> Result<(), InvalidActivity> {
    match text.map(str::len) {
        Some(length) if length > limit => {
            Err(invalid(field, format!("must be at most {limit} bytes, not {length}")))
        }
        _ => Ok(()),
    }
}

fn invalid(field: &'static str, reason: impl Into<String>) -> InvalidActivity {
    InvalidActivity { field, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::super::activity::{Details, LimitedText};
    use super::*;

    fn field_at_fault(activity: &NewActivity) -> Option<&'static str> {
        activity.validate().err().map(|error| error.field)
    }

    #[test]
    fn every_limit_names_its_field() {
        let good = NewActivity::new("create");
        let of = |action| NewActivity::new(action).details;
        let with = |details| NewActivity { details, idempotency_key: None };
        assert_eq!(field_at_fault(&good), None);
        let faults = [
            (NewActivity::new(""), "action"),
            (NewActivity::new("Create"), "action"),
            (NewActivity::new("a".repeat(65)), "action"),
            (good.clone().resource("a b", 5.try_into().unwrap()), "resourceType"),
            (with(Details { environment_id: 4.try_into().ok(), ..of("create") }), "environmentId"),
            (good.clone().description("é".repeat(513)), "description"),
            (with(Details { user_agent: Some("x".repeat(513)), ..of("create") }), "userAgent"),
            (good.clone().idempotency_key("x".repeat(129)), "idempotencyKey"),
            (good.clone().idempotency_key(""), "idempotencyKey"),
            (
                good.metadata(
                    Metadata::from_text(format!("{{\"a\":\"{}\"}}", "x".repeat(4_089))).unwrap(),
                ),
                "metadata",
            ),
        ];
        for (activity, field) in faults {
            assert_eq!(field_at_fault(&activity), Some(field), "{activity:?}");
        }
    }

    #[test]
    fn values_exactly_at_a_limit_are_taken() {
        let metadata = format!("{{\"a\":\"{}\"}}", "x".repeat(4_088));
        assert_eq!(metadata.len(), limit::METADATA);
        let activity = NewActivity::new("a".repeat(64))
            .description("x".repeat(1_024))
            .metadata(Metadata::from_text(metadata).unwrap())
            .idempotency_key("x".repeat(128));
        assert_eq!(activity.validate(), Ok(()));
    }

    #[test]
    fn the_page_of_limits_has_that_of_every_text() {
        let page = include_str!("../../../docs/limits.md").replace(',', "");
        for LimitedText { name, limit, .. } in LIMITED_TEXTS {
            let row = format!("\n| `{name}` | {limit} | cut at a character |");
            assert!(page.contains(&row), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_within_every_limit_is_not_repaired(
            name in "[a-z.:-]{0,3}|[A-Z é]{0,3}|[a-z]{60,70}",
            text in "[\\x00-\\x7f]{0,20}|\\PC{0,20}|[a-z]{500,530}|[a-z]{1010,1040}",
            key in proptest::option::of("[\\x00-\\x7f]{0,3}|[a-z]{120,135}"),
            address in proptest::prop_oneof![
                proptest::num::u128::ANY,
                0xffff_0000_0000_u128..=0xffff_ffff_ffff,
            ],
            ids in proptest::array::uniform2(proptest::option::of(1_u64..9)),
        ) {
            let mut activity = NewActivity { idempotency_key: key, ..NewActivity::new(name.as_str()) };
            activity.details.resource_type = Some(name);
            for LimitedText { get_mut, .. } in LIMITED_TEXTS {
                *get_mut(&mut activity.details) = Some(text.clone());
            }
            activity.details.metadata = serde_json::json!({ "text": text }).as_object().cloned().and_then(
                |object| Metadata::try_from(object).ok(),
            );
            activity.details.ip_address = Some(std::net::Ipv6Addr::from_bits(address).into());
            activity.details.project_id = ids[0].and_then(|id| id.try_into().ok());
            activity.details.environment_id = ids[1].and_then(|id| id.try_into().ok());
            let mut repaired = activity.clone();
            if activity.validate().is_ok() {
                proptest::prop_assert_eq!(repaired.repair(), Ok(()));
                proptest::prop_assert_eq!(repaired, activity);
            } else if repaired.repair().is_ok() {
                proptest::prop_assert_ne!(&repaired, &activity);
                proptest::prop_assert_eq!(repaired.validate(), Ok(()));
            }
        }
    }
}
