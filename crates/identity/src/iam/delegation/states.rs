//! What may become of a delegation request, and when its time runs out.
//!
//! Each step is a pure function from the request to the next one, or to the state that forbids it.

use crate::entity::{
    DelegationApprover, DelegationOwner, DelegationRequest, DelegationState as State,
};
use crate::environment::Seconds;
use crate::names::{AccountId, DelegationNotes, DelegationRequestId};

const DAY: Seconds = 86_400;
/// How long a request may wait for an owner.
pub(super) const UNASSIGNED: Seconds = DAY;
/// How long it may stay in any later state.
const IN_A_STATE: Seconds = 7 * DAY;
/// How long an expired request is kept to be looked at.
const KEPT: Seconds = 7 * DAY;
/// A request cannot live longer than this after it was taken up: assigned, pending, accepted,
/// rejected or finalized, kept. What is older than that is gone.
pub(super) const LONGEST: Seconds = 4 * IN_A_STATE + KEPT + DAY;

/// A step that the request's state does not allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct WrongState(pub(super) State);

type Step = Result<DelegationRequest, WrongState>;

impl DelegationRequest {
    /// The account that made it.
    pub fn requestor(&self) -> Option<AccountId> {
        DelegationRequestId::account_of(self.id.as_str())
    }

    /// Its state at a moment: every state ends by itself.
    pub fn state_at(&self, now: Seconds) -> State {
        if now < self.expires {
            self.state
        } else {
            State::Expired
        }
    }

    /// Whether it is so long expired that it is as good as deleted.
    pub(super) fn is_forgotten(&self, now: Seconds) -> bool {
        now >= self.expires.saturating_add(KEPT)
    }

    /// Somebody takes it up.
    pub(super) fn associate(
        &self,
        account: AccountId,
        owner: DelegationOwner,
        now: Seconds,
    ) -> Step {
        self.to(State::Assigned, now, &[State::Unassigned], |next| {
            next.owner_account = Some(account);
            next.owner = Some(owner);
        })
    }

    /// The owner forwards it to who can approve it, or adds to what was noted then.
    pub(super) fn update(&self, notes: Option<DelegationNotes>, now: Seconds) -> Step {
        let from = [State::Assigned, State::PendingApproval];
        self.to(State::PendingApproval, now, &from, |next| {
            if notes.is_some() {
                next.notes = notes;
            }
        })
    }

    /// It is approved.
    pub(super) fn accept(&self, approver: DelegationApprover, now: Seconds) -> Step {
        let from = [State::Assigned, State::PendingApproval];
        self.to(State::Accepted, now, &from, |next| {
            next.approver = Some(approver);
        })
    }

    /// It is refused, or the approval taken back as long as the token is not sent.
    pub(super) fn reject(&self, reason: Option<DelegationNotes>, now: Seconds) -> Step {
        let from = [State::Assigned, State::PendingApproval, State::Accepted];
        self.to(State::Rejected, now, &from, |next| {
            next.approver = None;
            next.rejection_reason = reason;
        })
    }

    /// The exchange token is sent: the time that was granted begins.
    pub(super) fn send(&self, now: Seconds) -> Step {
        self.to(State::Finalized, now, &[State::Accepted], |next| {
            next.sent = Some(now);
        })
    }

    fn to(
        &self,
        state: State,
        now: Seconds,
        from: &[State],
        change: impl FnOnce(&mut Self),
    ) -> Step {
        let current = self.state_at(now);
        if !from.contains(&current) {
            return Err(WrongState(current));
        }
        // Who may write a note may not keep a request alive for ever that way.
        let stays = state == current;
        let mut next = Self {
            state,
            updated: now,
            expires: if stays {
                self.expires
            } else {
                now.saturating_add(IN_A_STATE)
            },
            ..self.clone()
        };
        change(&mut next);
        Ok(next)
    }
}
