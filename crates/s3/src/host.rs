//! Virtual-host style: the bucket in the host name ("Virtual hosting of general purpose buckets",
//! S3 User Guide).

use s3s::host::{S3Host, VirtualHost};

/// The domains whose sub-domains are buckets.
pub(crate) struct BaseDomains(Vec<String>);

impl BaseDomains {
    /// Longer domains go before those they end in.
    pub(crate) fn new(domains: Vec<String>) -> Self {
        let mut domains: Vec<_> = domains
            .into_iter()
            .map(|domain| domain.trim_matches('.').to_ascii_lowercase())
            .collect();
        domains.retain(|domain| !domain.is_empty());
        domains.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
        Self(domains)
    }

    /// The bucket in a `Host` header.
    fn bucket(&self, host: &str) -> Option<String> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let domain = self.0.iter().find(|domain| {
            name.strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })?;
        let bucket = name.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        Some(bucket.to_owned())
    }
}

impl S3Host for BaseDomains {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> s3s::S3Result<VirtualHost<'a>> {
        let whole = VirtualHost::new(host);
        Ok(match self.bucket(host) {
            Some(bucket) => whole.with_bucket(bucket),
            None => whole,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_in_hosts() {
        let domains = BaseDomains::new(vec![
            "localhost".into(),
            "s3.localhost".into(),
            "S3.example.com.".into(),
        ]);
        for (host, expected) in [
            ("localhost:7390", None),
            ("bucket.localhost:7390", Some("bucket")),
            ("s3.localhost", None),
            ("bucket.s3.localhost:7390", Some("bucket")),
            ("my.bucket.s3.example.com", Some("my.bucket")),
            ("Bucket.S3.Example.Com.", Some("bucket")),
            ("s3.example.com", None),
            ("xs3.example.com", None),
            ("elsewhere.example.org", None),
            ("127.0.0.1:7390", None),
            ("[::1]:7390", None),
        ] {
            assert_eq!(domains.bucket(host).as_deref(), expected, "{host}");
        }
    }
}
