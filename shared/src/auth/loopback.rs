//! Whether a URL leads to this machine, where neither encryption nor a real secret protects anything.

use std::net::{Ipv4Addr, Ipv6Addr};

use lambda_http::http::Uri;

/// Whether the host of `url` is a loopback address or `localhost` (RFC 6761, section 6.3).
pub(crate) fn is_loopback(url: &Uri) -> bool {
    let Some(host) = url.host() else { return false };
    let v6 = host.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>();
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || v6.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_several_names_and_no_other_has_one_of_them() {
        let is_loopback = |url: &str| is_loopback(&url.parse().unwrap());
        for here in
            ["http://127.0.0.1:8000", "http://127.1.2.3", "http://localhost/x", "http://[::1]:1"]
        {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "https://dynamodb.us-east-1.amazonaws.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://[2001:db8::1]",
            "/127.0.0.1",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
