use super::*;

fn forbidden_url(url: &str, why: &str) {
    assert_eq!(Target::parse(url), Err(forbidden(why)), "{url}");
}

#[test]
fn urls_are_read_in_one_way() {
    let parse = |url: &str| {
        let target = Target::parse(url).unwrap();
        (target.authority(), target.tls, target.port, target.path)
    };
    let is =
        |authority: &str, tls, port, path: &str| (authority.to_owned(), tls, port, path.to_owned());
    assert_eq!(
        parse("https://IDP.example/a?b=c"),
        is("idp.example", true, 443, "/a?b=c")
    );
    assert_eq!(
        parse("https://idp.example"),
        is("idp.example", true, 443, "/")
    );
    assert_eq!(
        parse("https://[2001:db8::1]:8443/"),
        is("[2001:db8::1]:8443", true, 8443, "/")
    );
    assert_eq!(
        parse("http://localhost:80/x"),
        is("localhost", false, 80, "/x")
    );
    let odd = "its URL has characters that it may not have";
    for url in [
        "https://idp.example/a b",
        "https://idp.example/\r\nX: y",
        "https://user@idp.example/",
        "https://idp.example\\@evil.example/",
        "https://idp.example/#a",
        "https://bücher.example/",
    ] {
        forbidden_url(url, odd);
    }
    for url in [
        "ftp://idp.example/",
        "file:///etc/passwd",
        "/keys",
        "idp.example",
    ] {
        assert!(
            matches!(Target::parse(url), Err(FetchFault::Forbidden(_))),
            "{url}"
        );
    }
}

#[test]
fn redirects_stay_with_the_server() {
    let from = Target::parse("https://idp.example/a").unwrap();
    for (location, path) in [
        ("/b?c", "/b?c"),
        ("https://idp.example/b", "/b"),
        ("https://IDP.example:443/b", "/b"),
    ] {
        assert_eq!(from.redirected(location).unwrap().path, path, "{location}");
    }
    let elsewhere = forbidden("it redirects to another server");
    for location in [
        "https://evil.example/b",
        "http://idp.example/b",
        "http://idp.example:443/b",
        "https://idp.example:444/b",
        "https://idp.example.evil.example/",
        "https://169.254.169.254/",
    ] {
        assert_eq!(
            from.redirected(location),
            Err(elsewhere.clone()),
            "{location}"
        );
    }
    for location in [
        "//evil.example/b",
        "b",
        "",
        "https://idp.example@evil.example/",
    ] {
        assert!(from.redirected(location).is_err(), "{location}");
    }
}

#[test]
fn ages_are_read_from_the_header() {
    let age = |value: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, value.parse().unwrap());
        max_age(&headers)
    };
    assert_eq!(age("public, max-age=3600, must-revalidate"), Some(3600));
    assert_eq!(age("Max-Age=\"60\""), Some(60));
    assert_eq!(age("no-store"), None);
    assert_eq!(age("s-maxage=5"), None);
    assert_eq!(age("max-age=-1"), None);
    assert_eq!(age("max-age=99999999999999999999999"), None);
    assert_eq!(max_age(&http::HeaderMap::new()), None);
}

fn ask(fetcher: &Fetcher, url: &str, trust: ServerTrust<'_>) -> Result<FetchResponse, FetchFault> {
    let request = FetchRequest {
        url,
        form: None,
        authorization: None,
        trust,
        most_bytes: 1024,
    };
    crate::environment::runtime()
        .unwrap()
        .block_on(fetcher.fetch(request))
}

#[test]
fn addresses_inside_are_not_asked() {
    let fetcher = Fetcher::new(false, false);
    for url in [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1:6443/",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
    ] {
        let fault = ask(&fetcher, url, ServerTrust::default()).unwrap_err();
        let FetchFault::Forbidden(why) = fault else {
            panic!("{url}: {fault:?}")
        };
        assert!(
            why.ends_with("is not one that may be asked (see --idp-private-addresses)"),
            "{why}"
        );
    }
}

#[test]
fn plain_http_is_for_loopback_and_by_a_flag() {
    let only = Err(forbidden("only https is asked"));
    for (plain, url) in [
        (false, "http://localhost:1/"),
        (false, "http://idp.example/"),
        (true, "http://idp.example/"),
        (true, "http://10.0.0.1/"),
        (true, "http://localhost.evil.example/"),
    ] {
        let fetcher = Fetcher::new(true, plain);
        let found = ask(&fetcher, url, ServerTrust::default()).map(|answer| answer.status);
        assert_eq!(found, only, "{url}");
        assert_eq!(fetcher.asks_plain(), plain);
    }
}

#[test]
fn authorities_are_certificates_all_of_them() {
    let chain = include_str!("../certificates/chain.pem");
    assert!(authorities(chain).is_ok());
    for wrong in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(
            matches!(authorities(wrong), Err(FetchFault::Untrusted(_))),
            "{wrong}"
        );
    }
}
