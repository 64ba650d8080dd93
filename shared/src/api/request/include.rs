//! What a response shows besides what it always shows.

use super::query::{Query, invalid};
use crate::api::ApiError;
use crate::store::Buckets;

/// How many parts a histogram has unless the caller says otherwise.
const DEFAULT_BUCKETS: u64 = 60;

/// What a response shows besides what it always shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Include {
    /// Where the request came from and what sent it; when the action happened, where that is not
    /// when it was entered in the log; and what was altered on the way into the log.
    pub(crate) client: bool,
    /// The values that the list's filters can take, with how many entries have each.
    pub(crate) facets: bool,
    /// How many entries of the list are in each of so many parts of its time.
    pub(crate) histogram: Option<Buckets>,
}

/// One value of the parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Included {
    Client,
    Facets,
    Histogram,
}

impl Include {
    /// Whether it has something of a page as a whole, which only an object can show.
    pub(crate) const fn is_of_page(self) -> bool {
        self.facets || self.histogram.is_some()
    }

    /// Reads it from the query string of a request for one entry.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if a value is not `client`.
    pub(crate) fn of_entry(query: &mut Query) -> Result<Self, ApiError> {
        let included = query.choices("include", &[("client", Included::Client)])?;
        Ok(Self { client: included.contains(&Included::Client), ..Self::default() })
    }

    /// Reads it from the query string of a request for a list.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] if a value of `include` is unknown, or `buckets` is no count of
    /// parts or comes without a histogram.
    pub(crate) fn of_list(query: &mut Query) -> Result<Self, ApiError> {
        let values = [
            ("client", Included::Client),
            ("facets", Included::Facets),
            ("histogram", Included::Histogram),
        ];
        let included = query.choices("include", &values)?;
        let has = |one| included.contains(&one);
        let buckets = query.number("buckets", 1..=Buckets::MAX)?;
        let histogram = match buckets {
            Some(_) if !has(Included::Histogram) => {
                return Err(invalid("buckets", "requires include=histogram"));
            }
            Some(buckets) => Some(buckets),
            None => has(Included::Histogram).then_some(DEFAULT_BUCKETS),
        };
        let histogram = histogram.and_then(|buckets| Buckets::try_from(buckets).ok());
        Ok(Self { client: has(Included::Client), facets: has(Included::Facets), histogram })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> Result<Include, String> {
        let mut query = Query::parse(Some(query)).unwrap();
        Include::of_list(&mut query).map_err(|error| match error {
            ApiError::InvalidParameter { name, .. } => name,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn values_are_separated_by_commas_and_a_histogram_has_60_parts_unless_told_otherwise() {
        let client = Include { client: true, ..Include::default() };
        assert_eq!(list(""), Ok(Include::default()));
        assert_eq!(list("include="), Ok(Include::default()));
        assert_eq!(list("include=client"), Ok(client));
        assert_eq!(list("include=,client,,client"), Ok(client));
        let all = Include { facets: true, histogram: Buckets::try_from(60).ok(), ..client };
        assert_eq!(list("include=histogram,facets,client"), Ok(all));
        let one =
            |parts| Ok(Include { histogram: Buckets::try_from(parts).ok(), ..Include::default() });
        assert_eq!(list("buckets=1&include=histogram"), one(1));
        assert_eq!(list("buckets=100&include=histogram"), one(100));
        assert_eq!(list("buckets=&include=histogram"), one(60));
    }

    #[test]
    fn the_parameter_at_fault_is_named() {
        for value in ["Client", "all", "client facets", "client,ipAddress", "~"] {
            assert_eq!(list(&format!("include={value}")), Err("include".to_owned()));
        }
        for value in ["0", "101", "-1", "1.5", "ten", "99999999999999999999"] {
            let query = format!("include=histogram&buckets={value}");
            assert_eq!(list(&query), Err("buckets".to_owned()), "{value}");
        }
        assert_eq!(list("include=facets&buckets=10"), Err("buckets".to_owned()));
        assert_eq!(list("buckets=10"), Err("buckets".to_owned()));
    }

    #[test]
    fn one_entry_has_neither_facets_nor_a_histogram() {
        let entry = |query| Include::of_entry(&mut Query::parse(Some(query)).unwrap());
        assert_eq!(
            entry("include=client").unwrap(),
            Include { client: true, ..Include::default() }
        );
        assert!(entry("include=facets").is_err() && entry("include=client,histogram").is_err());
    }
}
