//! A case of a case file, explained.

use super::super::explanation::View;
use super::super::{input, test};
use crate::Failure;
use locum_policy::case::Case;
use std::path::{Path, PathBuf};

/// The explanation of a case, `FILE` or `FILE:NAME`.
pub(super) fn of_case(given: &Path) -> Result<View, Failure> {
    let (path, name) = split(given);
    let file = path.display();
    let wrong = |what: String| Failure::Usage(format!("`{file}` {what}"));
    let text = input::read(&path, test::LONGEST).map_err(wrong)?;
    let cases =
        Case::read_all(&text).map_err(|error| Failure::Usage(format!("`{file}`: {error}")))?;
    let chosen = match &name {
        Some(name) => cases.into_iter().find(|case| match case {
            Ok(case) => case.name == *name,
            Err(error) => error.case.as_ref() == Some(name),
        }),
        None if cases.len() > 1 => {
            return Err(wrong(format!(
                "holds {} cases: name one of them, as FILE:NAME",
                cases.len()
            )));
        }
        None => cases.into_iter().next(),
    };
    let case = match (chosen, name) {
        (Some(case), _) => case.map_err(|error| Failure::Usage(format!("`{file}`: {error}")))?,
        (None, Some(name)) => return Err(wrong(format!("holds no case `{name}`"))),
        (None, None) => return Err(wrong("holds no case".to_owned())),
    };
    let outcome = case.run();
    let mut view = View::new(&outcome.explanation);
    if !outcome.passed {
        let reason = outcome.because.map(|because| format!(" {because}"));
        view.notes.push(format!(
            "the case expects {}{}",
            outcome.expected,
            reason.unwrap_or_default()
        ));
    }
    Ok(view)
}

/// A file that is there under the whole text, or what comes before a colon and a name behind it.
fn split(given: &Path) -> (PathBuf, Option<String>) {
    let whole = (given.to_owned(), None);
    let Some(text) = given.to_str().filter(|_| !given.exists()) else {
        return whole;
    };
    let mut colons = text.match_indices(':').map(|(at, _)| text.split_at(at));
    let found = colons
        .find(|(path, _)| *path == "-" || Path::new(path).exists())
        .or_else(|| text.rfind(':').map(|at| text.split_at(at)));
    match found {
        Some((path, name)) => (path.into(), name.strip_prefix(':').map(str::to_owned)),
        None => whole,
    }
}
