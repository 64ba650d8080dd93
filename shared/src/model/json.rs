//! JSON as text: what is done to it without reading its values.
//!
//! Metadata is kept as the text it came as, so that no number loses a digit and no member its place.
//! These functions change, or measure, no more of a text than they say. None of them recurses, so that
//! no depth of nesting harms them.

use std::borrow::Cow;

/// A half of a surrogate pair is replaced by this, which is as long.
const REPLACEMENT: &str = "\\ufffd";

/// `text`, with each half of a surrogate pair that stands alone replaced by an escaped U+FFFD. RFC 8259,
/// section 8.2, lets such text pass for JSON, and strict parsers refuse all of it. What is replaced
/// keeps its length, so that everything else keeps its place.
#[must_use]
pub fn well_formed(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut fixed = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(backslash) = text[at..].find('\\') {
        at += backslash;
        let length = REPLACEMENT.len();
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + length), Some(0xdc00..=0xdfff)) => {
                at += 2 * length;
            }
            Some(0xd800..=0xdfff) => {
                fixed.push_str(&text[kept..at]);
                fixed.push_str(REPLACEMENT);
                at += length;
                kept = at;
            }
            // The backslash, and what it escapes.
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    fixed.push_str(&text[kept..]);
    Cow::Owned(fixed)
}

/// `json`, a JSON text, without the white space between its tokens.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    const WHITE: [u8; 4] = [b' ', b'\t', b'\n', b'\r'];
    // What is stored is compact already, and most of it has no white space in its strings, either.
    if !json.bytes().fold(false, |found, byte| found | WHITE.contains(&byte)) {
        return Cow::Borrowed(json);
    }
    let mut compacted = String::new();
    let mut kept = 0;
    for (at, byte) in structure(json) {
        if WHITE.contains(&byte) {
            compacted.push_str(&json[kept..at]);
            kept = at + 1;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    compacted.push_str(&json[kept..]);
    Cow::Owned(compacted)
}

/// How many arrays and objects of `json`, a JSON text, stand in each other at the most.
pub(crate) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (_, byte) in structure(json) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The bytes of a JSON text that are in no string, and where they stand. The quotes count as in it.
fn structure(json: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut in_string, mut is_escaped) = (false, false);
    json.bytes().enumerate().filter(move |(_, byte)| {
        let was_in_string = in_string;
        if in_string {
            in_string = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else {
            in_string = *byte == b'"';
        }
        !was_in_string && !in_string
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_of_a_surrogate_pair_is_replaced_and_nothing_else() {
        for (text, fixed) in [
            (r#""deployed \ud83d""#, r#""deployed \ufffd""#),
            (r#""\ude00 and \uD83D\uDE00""#, r#""\ufffd and \uD83D\uDE00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d \\\ud83d""#, r#""\\ud83d \\\ufffd""#),
            (r#""\ud83d\n\u00e9""#, r#""\ufffd\n\u00e9""#),
            (r#""\ud8""#, r#""\ud8""#),
            (r#""\ud83é""#, r#""\ud83é""#),
            ("\\é\\", "\\é\\"),
            ("\\u+d83", "\\u+d83"),
            ("", ""),
        ] {
            assert_eq!(well_formed(text), fixed);
        }
    }

    #[test]
    fn white_space_between_tokens_goes_and_that_in_strings_stays() {
        for (json, compacted) in [
            ("{\n  \"before\": 1\n}", r#"{"before":1}"#),
            (" [ 1.0 ,\t\"a \\\" b\\\\\" , { } ]\r\n", r#"[1.0,"a \" b\\",{}]"#),
            (r#"{"a b":" : "}"#, r#"{"a b":" : "}"#),
            ("[\n1]", "[1]"),
            ("[\t1]", "[1]"),
            ("[\r1]", "[1]"),
            ("1e2", "1e2"),
        ] {
            assert_eq!(compact(json), compacted);
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        for (json, expected) in
            [("1", 0), ("{}", 1), (r#"{"a":"[[[[","b":[{}],"c":[]}"#, 3), (r#"["\"[[","]]"]"#, 1)]
        {
            assert_eq!(depth(json), expected, "{json}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(depth(&deep), 100_000);
    }

    proptest::proptest! {
        #[test]
        fn what_is_well_formed_keeps_its_length_and_stays(text in "[\\\\ud8fcDEe0-9\"é]{0,40}") {
            let fixed = well_formed(&text);
            proptest::prop_assert_eq!(fixed.len(), text.len());
            proptest::prop_assert_eq!(well_formed(&fixed), &*fixed);
        }

        #[test]
        fn what_is_compact_says_the_same(value in "[ \\n\\t\"\\\\a\\[\\]{}:,1-3.]{0,30}") {
            if let Ok(parsed) = serde_json::from_str::<serde_json::Value>(&value) {
                let compacted = compact(&value);
                proptest::prop_assert_eq!(compact(&compacted), &*compacted);
                proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&compacted).unwrap(), parsed);
            }
        }
    }
}
