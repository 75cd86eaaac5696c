//! An encoded authorization message, opened by whoever has the data directory.

use super::super::explanation::View;
use super::super::input;
use super::asked::sentence;
use super::{ExplainArgs, block_on};
use crate::Failure;
use crate::data_dir::open_to_read;
use crate::environment::system;
use locum_identity::authorization_message::AuthorizationMessage;
use locum_identity::environment::timestamp;
use locum_identity::error::Error;
use std::path::Path;

/// More than a message and the sentence around it.
const LONGEST: u64 = 64 * 1024;
/// What stands before a message where a service prints it.
const INTRODUCTION: &str = "Encoded authorization failure message:";

impl ExplainArgs {
    pub(super) fn of_message(self, given: &str) -> Result<View, Failure> {
        let text = match given {
            "-" => input::read(Path::new("-"), LONGEST)
                .map_err(|why| Failure::Usage(format!("standard input {why}")))?,
            text => text.to_owned(),
        };
        let text = text.rsplit(INTRODUCTION).next().unwrap_or_default().trim();
        if text.is_empty() {
            return Err(Failure::Usage("there is no message".to_owned()));
        }
        let place = self.place.resolve()?;
        block_on(async {
            let (environment, _) = system();
            let realm = open_to_read(&place, environment).await?;
            match realm.authorization_message(text).await {
                Ok(message) => Ok(view(&message)),
                Err(Error::InvalidAuthorizationMessage) => Err(Failure::Work(
                    "that is no authorization message of this realm, or the key that it was sealed with is gone"
                        .to_owned(),
                )),
                Err(error) => Err(Failure::work("cannot open the message", error)),
            }
        })
    }
}

/// What a message says.
pub(super) fn view(message: &AuthorizationMessage) -> View {
    let mut view = View::new(&message.explanation);
    view.message = Some(sentence(message.told()));
    view.notes.push(format!(
        "decided at {}, in request {}",
        timestamp(message.at),
        message.request_id
    ));
    view.notes.extend(message.notes());
    view
}
