//! `SerialNumber` and `TokenCode`: who calls shows an MFA device.

use crate::caller::Who;
use crate::environment::Seconds;
use crate::error::{Error, Forbidden};
use crate::mfa::Verdict;
use crate::names::{StsSerialNumber, TokenCode};
use crate::operation::Call;

/// The parameters of an MFA device: both or neither.
#[derive(Clone, Default)]
pub struct MfaParameters {
    /// `SerialNumber`
    pub serial_number: Option<StsSerialNumber>,
    /// `TokenCode`
    pub token_code: Option<TokenCode>,
}

impl std::fmt::Debug for MfaParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MfaParameters")
            .field(&self.serial_number)
            .finish()
    }
}

impl MfaParameters {
    /// Takes the code. When the caller has shown the device, which is now; `None` where no device is
    /// meant to be shown. The code is spent, and the attempt counted, before this answers.
    ///
    /// # Errors
    /// [`Error::Forbidden`], if the parameters are not a pair, the device is not the caller's, the
    /// code is wrong or was used, or too many were tried lately.
    pub(super) async fn verify(&self, call: &Call<'_>) -> Result<Option<Seconds>, Error> {
        let (serial, code) = match (&self.serial_number, &self.token_code) {
            (None, None) => return Ok(None),
            (Some(serial), Some(code)) => (serial, code),
            _ => return Err(Error::Forbidden(Forbidden::IncompleteMfa)),
        };
        let unverifiable = || Error::Forbidden(Forbidden::UnverifiableMfa);
        // Only who has long-term credentials has devices, and a session of theirs that began without
        // one does not get stronger.
        let owner = match (&call.caller.who, call.caller.session()) {
            (Who::Root | Who::User(_), None) => call.caller.key_owner(),
            (Who::Root | Who::User(_), Some(session)) if session.mfa.is_some() => {
                call.caller.key_owner()
            }
            _ => None,
        };
        let owner = owner.ok_or_else(unverifiable)?;
        let code = code.as_str().as_bytes();
        let code = code.try_into().map_err(|_| unverifiable())?;
        let now = call.facts.now;
        let verdict = call
            .change(|draft| {
                let device = draft.account.mfa_device(serial.as_str());
                let device = device.filter(|state| state.device.is_of(&owner));
                let state = device.ok_or_else(unverifiable)?;
                let mut device = state.device.clone();
                let verdict = device.clockwork.accept(&state.seed, code, now);
                if device != state.device {
                    draft.change.put(device);
                }
                Ok(verdict)
            })
            .await?;
        match verdict {
            Verdict::Accepted => Ok(Some(now)),
            Verdict::Wrong => Err(Error::Forbidden(Forbidden::WrongMfaCode)),
            Verdict::TooMany => Err(unverifiable()),
        }
    }
}
