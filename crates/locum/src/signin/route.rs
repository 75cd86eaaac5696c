//! Which requests are for the pages.

use super::saml::ADDRESS;
use crate::body::is_form;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Method};

/// Where the pages are that AWS does not have. No bucket has a name that begins so.
const PAGES: &str = "/_locum/signin";

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// `/federation`
    Federation,
    /// `/_locum/signin`
    WaysIn,
    /// `/_locum/signin/password`
    Password,
    /// `/_locum/signin/oidc`
    Oidc,
    /// `/_locum/signin/oidc/callback`
    OidcCallback,
    /// `/_locum/signin/oidc/role`
    OidcChoice,
    /// `/_locum/signin/credentials`
    Credentials,
    /// `/_locum/signin/signout`
    SignOut,
    /// `/saml`, where identity providers send browsers
    Saml,
    /// `/_locum/signin/saml`
    SamlChoice,
    /// `/static/saml-metadata.xml`
    SamlMetadata,
}

/// What an unsigned request is for; `None` if it is for none of the pages.
///
/// `/federation`, `/saml` and the two below `/static` could name buckets. They are pages for exactly what
/// clients of these send, which no client of S3 does: unsigned, with an `Action`, or as a form; and never
/// where the host names a bucket, unless its first label is `signin`, as at AWS.
pub(crate) fn route(head: &Parts, s3_domains: &[String]) -> Option<Route> {
    let (path, method) = (head.uri.path(), &head.method);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let posts = *method == Method::POST && is_form(&head.headers);
    if let Some(page) = path.strip_prefix(PAGES) {
        return match page {
            "" if reads => Some(Route::WaysIn),
            "/password" if posts => Some(Route::Password),
            "/oidc" if reads => Some(Route::Oidc),
            "/oidc/callback" if reads => Some(Route::OidcCallback),
            "/oidc/role" if posts => Some(Route::OidcChoice),
            "/credentials" if reads => Some(Route::Credentials),
            "/signout" if *method == Method::POST => Some(Route::SignOut),
            "/saml" if posts => Some(Route::SamlChoice),
            _ => None,
        };
    }
    let has_action = || {
        let query = head.uri.query().unwrap_or_default();
        query.split('&').any(|pair| pair.starts_with("Action="))
    };
    let found = match path {
        "/federation" if posts || reads && has_action() => Route::Federation,
        "/saml" | "/static/saml" if posts => Route::Saml,
        path if posts && path.starts_with(ADDRESS) => Route::Saml,
        "/static/saml-metadata.xml" if reads => Route::SamlMetadata,
        _ => return None,
    };
    (!names_a_bucket(head.headers.get(HOST), s3_domains)).then_some(found)
}

/// Whether the host is a sub-domain of one whose sub-domains are buckets.
fn names_a_bucket(host: Option<&HeaderValue>, s3_domains: &[String]) -> bool {
    let host = host
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let labels = name.split('.').take(2);
    // `signin.` and `REGION.signin.`
    if labels.into_iter().any(|label| label == "signin") {
        return false;
    }
    s3_domains.iter().any(|domain| {
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        let rest = name.strip_suffix(&domain);
        !domain.is_empty() && rest.is_some_and(|rest| rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[track_caller]
    fn check(method: &str, host: &str, target: &str, form: bool, expected: Option<Route>) {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host);
        if form {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let found = route(&head, &["localhost".into(), "s3.example.com".into()]);
        assert_eq!(found, expected, "{method} {host} {target}");
    }

    #[test]
    fn what_a_client_of_s3_sends_is_for_s3() {
        let federation = Some(Route::Federation);
        let action = "/federation?Action=login&Issuer=x";
        check("GET", "127.0.0.1:7390", action, false, federation);
        check(
            "GET",
            "sts.example.com",
            "/federation?a=b&Action=logout",
            false,
            federation,
        );
        check("POST", "sts.example.com", "/federation", true, federation);
        check("GET", "signin.localhost", action, false, federation);
        check(
            "GET",
            "eu-west-1.signin.s3.example.com:443",
            action,
            false,
            federation,
        );
        // Anyone's list of a public bucket, an upload of a form, an object of a bucket in the host.
        check("GET", "127.0.0.1:7390", "/federation", false, None);
        check(
            "GET",
            "127.0.0.1:7390",
            "/federation?list-type=2",
            false,
            None,
        );
        check("POST", "127.0.0.1:7390", "/federation", false, None);
        check("PUT", "127.0.0.1:7390", action, true, None);
        check("GET", "bucket.s3.example.com", action, false, None);
        check("GET", "bucket.localhost:7390", action, false, None);
        check(
            "GET",
            "127.0.0.1:7390",
            "/federation/x?Action=login",
            false,
            None,
        );
    }

    #[test]
    fn a_response_of_saml_is_a_form_and_an_upload_is_none() {
        check("POST", "127.0.0.1", "/saml", true, Some(Route::Saml));
        check(
            "POST",
            "signin.localhost",
            "/static/saml",
            true,
            Some(Route::Saml),
        );
        check(
            "POST",
            "127.0.0.1",
            "/saml/acs/123456789012/corp",
            true,
            Some(Route::Saml),
        );
        check(
            "POST",
            "127.0.0.1",
            "/saml/acs/123456789012/corp",
            false,
            None,
        );
        check("POST", "127.0.0.1", "/saml", false, None);
        check("GET", "127.0.0.1", "/saml", false, None);
        check("POST", "bucket.localhost", "/saml", true, None);
        let metadata = Some(Route::SamlMetadata);
        check(
            "GET",
            "127.0.0.1",
            "/static/saml-metadata.xml",
            false,
            metadata,
        );
        check("PUT", "127.0.0.1", "/static/saml-metadata.xml", false, None);
    }

    #[test]
    fn a_page_has_one_path() {
        let credentials = Some(Route::Credentials);
        check("GET", "x", "/_locum/signin/credentials", false, credentials);
        check(
            "POST",
            "x",
            "/_locum/signin/signout",
            true,
            Some(Route::SignOut),
        );
        check("GET", "x", "/_locum/signin/signout", false, None);
        check("GET", "x", "/_locum/signin/credentials/", false, None);
        check("GET", "x", "/_locum/signinx", false, None);
        check("GET", "x", "/_locum/health", false, None);
    }
}
