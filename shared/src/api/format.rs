//! The formats of a document, and what HTTP calls them.

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    Json,
    /// A JSON object on each line, one for each entry.
    Ndjson,
    /// A line for each entry (RFC 4180), after one with the names of the columns.
    Csv,
}

impl Format {
    /// The formats of a list, the preferred one first.
    pub(crate) const OF_LISTS: &'static [Self] = &[Self::Json, Self::Ndjson, Self::Csv];

    /// The format of what is more than a list of entries, and of a single entry.
    pub(crate) const OF_OBJECTS: &'static [Self] = &[Self::Json];

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }

    /// Other names of its media type, of which none is registered.
    pub(crate) const fn other_names(self) -> &'static [&'static str] {
        match self {
            Self::Ndjson => &["application/ndjson", "application/jsonl"],
            Self::Json | Self::Csv => &[],
        }
    }

    /// The value of its `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Ndjson => self.media_type(),
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// The value of its `Content-Disposition` (RFC 6266), if a browser should save it as a file.
    #[must_use]
    pub(crate) const fn content_disposition(self) -> Option<&'static str> {
        match self {
            Self::Csv => Some("attachment; filename=\"activities.csv\""),
            Self::Json | Self::Ndjson => None,
        }
    }
}
