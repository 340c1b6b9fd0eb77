//! The ports of well-known URI schemes (IANA service names; for the databases, what their own clients take).

/// Scheme and port, for schemes whose service is reached over TCP.
const PORTS: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("amqps", 5671),
    ("cassandra", 9042),
    ("clickhouse", 9000),
    ("consul", 8500),
    ("elasticsearch", 9200),
    ("etcd", 2379),
    ("ftp", 21),
    ("ftps", 990),
    ("git", 9418),
    ("grpc", 443),
    ("http", 80),
    ("https", 443),
    ("imap", 143),
    ("imaps", 993),
    ("irc", 6667),
    ("ircs", 6697),
    ("kafka", 9092),
    ("ldap", 389),
    ("ldaps", 636),
    ("memcached", 11211),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("mqtts", 8883),
    ("mssql", 1433),
    ("mysql", 3306),
    ("nats", 4222),
    ("nfs", 2049),
    ("nntp", 119),
    ("nntps", 563),
    ("oracle", 1521),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("rdp", 3389),
    ("redis", 6379),
    ("rediss", 6379),
    ("rsync", 873),
    ("rtsp", 554),
    ("sftp", 22),
    ("smb", 445),
    ("smtp", 25),
    ("smtps", 465),
    ("sqlserver", 1433),
    ("ssh", 22),
    ("submission", 587),
    ("svn", 3690),
    ("telnet", 23),
    ("vnc", 5900),
    ("winrm", 5985),
    ("ws", 80),
    ("wss", 443),
    ("xmpp", 5222),
    ("zookeeper", 2181),
];

/// The port that a scheme stands for; the scheme is in lower case.
pub(super) fn port(scheme: &str) -> Option<u16> {
    PORTS
        .binary_search_by_key(&scheme, |(name, _)| name)
        .ok()
        .and_then(|at| PORTS.get(at))
        .map(|(_, port)| *port)
}

#[cfg(test)]
mod tests {
    use super::{PORTS, port};

    #[test]
    fn every_scheme_is_found() {
        assert!(PORTS.is_sorted());
        assert!(PORTS.iter().all(|(name, is)| port(name) == Some(*is)));
        assert_eq!(port("gopher"), None);
    }
}
