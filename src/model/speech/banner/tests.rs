//! Greetings as servers send them, and what is nearly one.

use proptest::prelude::*;

use super::*;

fn seen(bytes: impl AsRef<[u8]>) -> Option<Speech> {
    read(bytes.as_ref()).protocol
}

fn mysql(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
    [&[length[0], length[1], 0, 0], payload].concat()
}

/// As MariaDB 10.11 sends it.
fn mariadb() -> Vec<u8> {
    let payload = b"\x0a5.5.5-10.11.6-MariaDB\0\x25\0\0\0abcdefgh\0\xfe\xf7\x21\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0ijklmnopqrst\0mysql_native_password\0";
    mysql(payload)
}

#[test]
fn servers_that_greet_are_known_by_sight() {
    let greetings: &[(&[u8], Speech)] = &[
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", Speech::Ssh),
        (b"SSH-1.99-Cisco-1.25\n", Speech::Ssh),
        (b"220 mail.example ESMTP Postfix\r\n", Speech::Smtp),
        (b"220-mail.example ESMTP\r\n220 ready\r\n", Speech::Smtp),
        (b"554 mail.example no service\r\n", Speech::Smtp),
        (b"220 (vsFTPd 3.0.5)\r\n", Speech::Ftp),
        (b"220 ProFTPD Server ready.\r\n", Speech::Ftp),
        (
            b"220---------- Pure-FTPd [privsep] ----------\r\n",
            Speech::Ftp,
        ),
        (b"220 Microsoft FTP Service\r\n", Speech::Ftp),
        (
            b"+OK Dovecot ready. <1896.697170952@pop.example>\r\n",
            Speech::Pop3,
        ),
        (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", Speech::Imap),
        (b"* BYE too many connections\r\n", Speech::Imap),
        (b"RFB 003.008\n", Speech::Vnc),
        (b"@RSYNCD: 31.0 sha512 sha256\n", Speech::Rsync),
        (
            b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 ) ) ) ",
            Speech::Svn,
        ),
        (b"INFO {\"server_id\":\"N\"} \r\n", Speech::Nats),
        (
            b"-DENIED Redis is running in protected mode\r\n",
            Speech::Redis,
        ),
        (b"-ERR max number of clients reached\r\n", Speech::Redis),
        (b"HTTP/1.1 408 Request Timeout\r\n\r\n", Speech::Http),
        (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", Speech::Http2),
        (
            b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00",
            Speech::Http2,
        ),
        (b"\x15\x03\x01\x00\x02\x02\x28", Speech::Tls),
        (b"\xff\xfd\x18\xff\xfd\x20", Speech::Telnet),
    ];
    for (bytes, protocol) in greetings {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(seen(bytes), Some(*protocol), "{shown}");
    }
    assert_eq!(seen(mariadb()), Some(Speech::Mysql));
    let denied =
        mysql(b"\xff\x6a\x04Host '10.0.0.1' is not allowed to connect to this MariaDB server");
    assert_eq!(seen(denied), Some(Speech::Mysql));
}

#[test]
fn smtp_and_ftp_are_told_apart_by_proof_alone() {
    for shared in [
        "220 ready\r\n",
        "220 ftp.example ready\r\n",
        "220 smtp.example ready\r\n",
        "220 ISIF.USC.EDU Service ready\r\n",
        "220 FTP and SMTP\r\n",
        "220-FileZilla Server 1.7\r\n",
        "421 try again later\r\n",
        "220",
    ] {
        assert_eq!(seen(shared), Some(Speech::SmtpOrFtp), "{shared}");
    }
    // The host's name says nothing beside the word.
    assert_eq!(seen("220 ftp.example ESMTP\r\n"), Some(Speech::Smtp));
    assert_eq!(seen("220 smtp.example FTP server\r\n"), Some(Speech::Ftp));
}

#[test]
fn what_is_nearly_a_greeting_is_not_known() {
    let nearly: &[&[u8]] = &[
        b"",
        b"\r\n",
        b"SSH",
        b"SSH-",
        b"XSSH-2.0-x\r\n",
        b"Exceeded MaxStartups\r\n",
        b"Not allowed at this time\r\n",
        b"+OKAY\r\n",
        b"-ERR no\r\n",
        b"* OKAY\r\n",
        b"* ",
        b"2200 ready\r\n",
        b"200 ready\r\n",
        b"RFB 003.00x\n",
        b"HTTP/1.1 4xx\r\n",
        b"\x15\x03\x01\x00\x03\x02\x28\x00",
        b"\x00\x00\x05\x04\x00\x00\x00\x00\x00",
        b"Saturday, November 21\r\n",
        b"\x00\x00\x00\x00",
    ];
    for bytes in nearly {
        assert_eq!(seen(bytes), None, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_mysql_packet_that_lies_about_its_length_is_none() {
    let mut packet = mariadb();
    packet[1] = 1;
    assert_eq!(
        seen(&packet),
        Some(Speech::Mysql),
        "its rest may still come"
    );
    packet[1] = 0;
    packet[0] = 12;
    assert_eq!(seen(&packet), None);
    let mut packet = mariadb();
    packet[3] = 1;
    assert_eq!(seen(&packet), None, "no first packet");
}

#[test]
fn the_line_that_tells_is_kept() {
    let text = |bytes: &[u8]| read(bytes).text;
    assert_eq!(
        text(b"Authorised users only\r\nSSH-2.0-OpenSSH_9.2\r\n").as_deref(),
        Some("SSH-2.0-OpenSSH_9.2")
    );
    assert_eq!(text(&mariadb()).as_deref(), Some("5.5.5-10.11.6-MariaDB"));
    assert_eq!(text(b"\r\n\r\nhello\r\n").as_deref(), Some("hello"));
    assert_eq!(text(b"\x15\x03\x01\x00\x02\x02\x28"), None);
    assert_eq!(
        text("220 a\u{202e}b\u{1b}[31m\r\n".as_bytes()).as_deref(),
        Some("220 a\\u{202e}b\\u{1b}[31m")
    );
}

#[test]
fn more_is_awaited_until_the_line_that_tells_is_whole() {
    assert!(!is_whole(b"SSH-2.0-Open"));
    assert!(is_whole(b"SSH-2.0-OpenSSH_9.2\r\n"));
    assert!(!is_whole(b"Authorised users only\r\n"));
    assert!(is_whole(&mariadb()));
    assert!(is_whole(&[b'x'; LONGEST]));
}

proptest! {
    #[test]
    fn no_bytes_make_it_fall_and_what_it_keeps_is_safe(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let banner = read(&bytes);
        let text = banner.text.unwrap_or_default();
        prop_assert!(text.chars().count() <= LONGEST_TEXT * 8 + 1);
        prop_assert!(!text.chars().any(deceives));
        is_whole(&bytes);
    }

    #[test]
    fn what_follows_a_whole_line_does_not_change_what_is_seen(rest in prop::collection::vec(any::<u8>(), 0..500)) {
        for (greeting, protocol) in [("220 mail.example ESMTP\r\n", Speech::Smtp), ("* OK ready\r\n", Speech::Imap)] {
            prop_assume!(!lines(&rest).any(is_ssh));
            let bytes = [greeting.as_bytes(), &rest].concat();
            prop_assert_eq!(seen(&bytes), Some(protocol));
        }
    }
}
