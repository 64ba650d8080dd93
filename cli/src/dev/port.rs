//! Whether a port of this machine is free and, if not, who uses it.
//!
//! "Address already in use" leaves a newcomer with a search for the process to stop. Linux tells
//! which one it is: `/proc/net/tcp` has the inode of the socket that listens at a port, and the
//! process that holds this socket has a link to it in `/proc/PID/fd`. That asks for no other
//! program, as `lsof` or `ss` would be.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::Path;

use crate::failure::Failure;

/// Checks that `port` of this machine can be listened at. `option` is what sets it.
pub(crate) fn check_port(port: u16, option: &str) -> Result<(), Failure> {
    let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { return Ok(()) };
    let problem = match (error.kind(), user(port)) {
        (ErrorKind::AddrInUse, Some(user)) => format!("is in use by {user}: stop it, or"),
        (ErrorKind::AddrInUse, None) => "is in use:".to_owned(),
        _ => format!("cannot be used ({error}):"),
    };
    Err(format!("port {port} {problem} give another port with {option}").into())
}

/// The name and the id of the process that listens at `port`, if the system tells.
fn user(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        listener(&std::fs::read_to_string(table).ok()?, port).map(str::to_owned)
    })?;
    let socket = format!("socket:[{inode}]");
    let process = std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .find(|process| holds(&process.path().join("fd"), &socket))?;
    let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
    Some(format!("{} (process {})", name.trim_end(), process.file_name().display()))
}

/// Whether one of the open files in `folder`, a `/proc/PID/fd`, is `socket`. The files of other
/// users' processes cannot be seen.
fn holds(folder: &Path, socket: &str) -> bool {
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == socket))
}

/// The inode of the socket in `table`, a `/proc/net/tcp` or `/proc/net/tcp6`, that listens at
/// `port` of 127.0.0.1, be it at all addresses.
fn listener(table: &str, port: u16) -> Option<&str> {
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (host, local_port) = fields.nth(1)?.split_once(':')?;
        let host = address(host)?.to_canonical();
        let here = host.is_unspecified() || host == Ipv4Addr::LOCALHOST;
        let listens = fields.nth(1)? == "0A";
        let same_port = u16::from_str_radix(local_port, 16) == Ok(port);
        (here && listens && same_port).then(|| fields.nth(5)).flatten()
    })
}

/// The address in a table: each four bytes are a number in this machine's byte order.
fn address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match digits.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when \
                          retrnsmt   uid  timeout inode\n";

    /// A line of a table.
    fn line(host: IpAddr, port: u16, state: &str, inode: u32) -> String {
        let bytes = match host {
            IpAddr::V4(host) => host.octets().to_vec(),
            IpAddr::V6(host) => host.octets().to_vec(),
        };
        let mut text = String::from("   0: ");
        for word in bytes.as_chunks::<4>().0 {
            write!(text, "{:08X}", u32::from_ne_bytes(*word)).unwrap();
        }
        writeln!(
            text,
            ":{port:04X} 00000000:0000 {state} 0:0 00:0 0 1000 0 {inode} 1 0 100 0 0 10 0"
        )
        .unwrap();
        text
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_table_is_read_as_linux_writes_it() {
        let table = format!(
            "{HEADER}   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
             1000        0 646 1 0000000037e13143 100 0 0 10 0                       \n"
        );
        assert_eq!(listener(&table, 9000), Some("646"));
        let table = format!(
            "{HEADER}   0: 0000000000000000FFFF00000100007F:2328 \
             00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     \
             0        0 647 1 0000000037e13143 100 0 0 10 0\n"
        );
        assert_eq!(listener(&table, 9000), Some("647"));
    }

    #[test]
    fn a_listener_is_found_at_this_address_or_at_all_addresses() {
        let all = Ipv6Addr::UNSPECIFIED.into();
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into();
        for host in [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into(), all, mapped] {
            let table = format!("{HEADER}{}", line(host, 9000, "0A", 77));
            assert_eq!(listener(&table, 9000), Some("77"), "{host}");
        }
    }

    #[test]
    fn other_ports_other_addresses_and_connections_are_no_listener() {
        let here = Ipv4Addr::LOCALHOST.into();
        let table = [
            HEADER.to_owned(),
            line(here, 9001, "0A", 1),
            line(here, 9000, "01", 2),
            line([192, 0, 2, 1].into(), 9000, "0A", 3),
            line(Ipv6Addr::LOCALHOST.into(), 9000, "0A", 4),
        ]
        .concat();
        assert_eq!(listener(&table, 9000), None);
        assert_eq!(listener(&(table + &line(here, 9000, "0A", 5)), 9000), Some("5"));
    }

    #[test]
    fn what_is_no_table_has_no_listener() {
        for text in ["", "0", "0: 0100007F:2328", "0: 0100007F:2328 0 0A", "0: é00007F:2328 0 0A"]
        {
            assert_eq!(listener(text, 9000), None, "{text}");
        }
    }
}
