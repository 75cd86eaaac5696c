//! Which operation a method and a path name.

use crate::json::Shape;
use percent_encoding::percent_decode_str;

/// An operation's place among methods and paths, and where the members of its input are.
pub(crate) struct Route {
    pub(crate) operation: &'static str,
    pub(super) method: &'static str,
    /// `/clusters/{name}`: a label is called as the member that it holds.
    template: &'static str,
    /// The status of an answer that is no error.
    pub(super) status: u16,
    /// Members in the query string, and whether each is a list.
    pub(super) query: &'static [(&'static str, bool)],
    /// Members of the JSON body.
    pub(super) body: Shape,
}

impl Route {
    pub(crate) const fn new(
        operation: &'static str,
        method: &'static str,
        template: &'static str,
    ) -> Self {
        Self {
            operation,
            method,
            template,
            status: 200,
            query: &[],
            body: Shape::Structure(&[]),
        }
    }

    pub(crate) const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) const fn query(mut self, members: &'static [(&'static str, bool)]) -> Self {
        self.query = members;
        self
    }

    pub(crate) const fn body(mut self, members: &'static [(&'static str, Shape)]) -> Self {
        self.body = Shape::Structure(members);
        self
    }

    /// Whether the operation reads a body at all.
    pub(super) fn has_body(&self) -> bool {
        !matches!(self.body, Shape::Structure([]))
    }

    /// The labels of a path that fits the template.
    fn labels(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut labels = Vec::new();
        let mut segments = path.split('/');
        for part in self.template.split('/') {
            let segment = segments.next()?;
            match part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                // Signatures are verified for a path without these segments, so that one signature
                // would be good for several paths.
                Some(_) if matches!(segment, "" | "." | "..") => return None,
                Some(label) => {
                    labels.push((label.to_owned(), decoded(segment)?));
                }
                None if part == segment => {}
                None => return None,
            }
        }
        segments.next().is_none().then_some(labels)
    }
}

/// The route that a request takes, and the members that its path holds. A slash at the end of the path
/// means nothing.
pub(super) fn find(
    routes: &'static [Route],
    method: &str,
    path: &str,
) -> Option<(&'static Route, Vec<(String, String)>)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    routes
        .iter()
        .filter(|route| route.method == method)
        .find_map(|route| Some((route, route.labels(path)?)))
}

/// A segment without its escapes. `None` for broken ones.
fn decoded(segment: &str) -> Option<String> {
    let mut escapes = segment.split('%').skip(1);
    let whole = escapes.all(|behind| {
        let digits = behind.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    whole.then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROUTES: [Route; 4] = [
        Route::new("List", "GET", "/clusters"),
        Route::new("Describe", "GET", "/clusters/{name}"),
        Route::new("Delete", "DELETE", "/clusters/{name}/associations/{id}"),
        Route::new("Untag", "DELETE", "/tags/{arn}"),
    ];

    #[track_caller]
    fn check(method: &str, path: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let found = find(&ROUTES, method, path);
        let found = found.as_ref().map(|(route, labels)| {
            let labels = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            (route.operation, labels.collect::<Vec<_>>())
        });
        let expected = expected.map(|(operation, labels)| (operation, labels.to_vec()));
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn methods_and_paths_name_operations() {
        check("GET", "/clusters", Some(("List", &[])));
        check("GET", "/clusters/", Some(("List", &[])));
        check("GET", "/clusters/a", Some(("Describe", &[("name", "a")])));
        check("GET", "/clusters/a/", Some(("Describe", &[("name", "a")])));
        check(
            "DELETE",
            "/clusters/a/associations/b",
            Some(("Delete", &[("name", "a"), ("id", "b")])),
        );
        for (method, path) in [
            ("get", "/clusters"),
            ("POST", "/clusters"),
            ("GET", "/Clusters"),
            ("GET", "clusters"),
            ("GET", ""),
            ("GET", "/"),
            ("GET", "/clusters/a/b"),
            ("DELETE", "/clusters/a/associations"),
        ] {
            check(method, path, None);
        }
    }

    #[test]
    fn labels_are_decoded_once_and_by_themselves() {
        check(
            "DELETE",
            "/tags/arn%3Aaws%3Aeks%3A%3A1%3Acluster%2Fa%2525",
            Some(("Untag", &[("arn", "arn:aws:eks::1:cluster/a%25")])),
        );
        // A plus is no blank here.
        check(
            "GET",
            "/clusters/a+b",
            Some(("Describe", &[("name", "a+b")])),
        );
        // An escaped slash is in a label, and divides nothing.
        check(
            "GET",
            "/clusters/a%2fassociations",
            Some(("Describe", &[("name", "a/associations")])),
        );
        for path in [
            "/clusters/%",
            "/clusters/%4",
            "/clusters/%zz",
            "/clusters/%+1",
            "/clusters/%ff",
            "/%63lusters/a/associations/%",
        ] {
            check("GET", path, None);
        }
    }

    #[test]
    fn what_one_signature_would_be_good_for_twice_is_no_path() {
        for path in [
            "//clusters/a",
            "/clusters//",
            "/clusters//a",
            "/./clusters/a",
            "/clusters/.",
            "/clusters/..",
            "/clusters/a/..",
            "/x/../clusters/a",
            "/clusters/a//",
        ] {
            check("GET", path, None);
        }
        check("DELETE", "/clusters/../associations/b", None);
    }
}
