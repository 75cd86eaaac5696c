//! The operations of locum's own service, for commands.

use super::caller::{Caller, CallerArgs};
use super::http::{self, Answer};
use crate::Failure;
use crate::environment::{runtime, system};
use locum_identity::environment::Environment;

/// The version of the API.
const VERSION: &str = "2026-11-21";

/// A server to call, and the caller.
pub(crate) struct OwnService {
    caller: Caller,
    environment: Environment,
    runtime: tokio::runtime::Runtime,
}

impl OwnService {
    /// Looks up caller and server.
    ///
    /// # Errors
    /// When there are no credentials, or there is no server.
    pub(crate) fn find(args: &CallerArgs) -> Result<Self, Failure> {
        let (environment, _) = system();
        Ok(Self {
            caller: args.find_own()?,
            environment,
            runtime: runtime()?,
        })
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// What the server says, or that it does not answer.
    pub(crate) fn call(
        &self,
        action: &str,
        parameters: &[(&str, String)],
    ) -> Result<Answer, Failure> {
        let own = [("Action", action), ("Version", VERSION)];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = parameters.iter();
        let form: Vec<(String, String)> = own
            .into_iter()
            .chain(given.map(|(name, value)| ((*name).to_owned(), value.clone())))
            .collect();
        let now = self.environment.clock.now();
        self.runtime
            .block_on(http::post(&self.caller, "locum", &form, now))
            .map_err(Failure::Work)
    }

    /// Calls an operation that lists, page after page.
    ///
    /// # Errors
    /// As [`OwnService::call`], or when an element cannot be read.
    pub(crate) fn list<T>(
        &self,
        action: &str,
        parameters: &[(&str, String)],
        list: &str,
        read: impl Fn(http::Structure<'_>) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut page = parameters.to_vec();
            page.push(("MaxItems", PAGE.to_string()));
            page.extend(marker.clone().map(|marker| ("Marker", marker)));
            let answer = self.call(action, &page)?;
            let next = answer.structure(&format!("{action}Result"), |result| {
                for item in result.list(list) {
                    items.push(read(item)?);
                }
                Ok(result.optional("Marker"))
            });
            match next.map_err(Failure::Work)? {
                // A server that repeats itself would never end.
                Some(next) if marker.as_ref() != Some(&next) && items.len() < MOST => {
                    marker = Some(next);
                }
                _ => return Ok(items),
            }
        }
    }
}

/// Elements of a page, so that the longest chains fit an answer that is read.
const PAGE: usize = 20;
/// Elements that are taken at most: more than a server keeps.
const MOST: usize = 100_000;
