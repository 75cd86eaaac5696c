//! Asks the sources of foreign identities whether they still stand by those who have sessions.

use crate::audit::Event;
use crate::door::Door;
use crate::state::State;
use locum_identity::binding::{Ended, Questions};
use locum_identity::caller::RequestFacts;
use locum_identity::ids::uuid;
use locum_identity::notes::{FederationKind, ForeignIdentity};
use locum_wire::{Outcome, Recorded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How often is looked for what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How many sources are asked at a time.
const AT_A_TIME: usize = 16;
/// How long asking one may take. Its claims hold longer.
const ASKED_WITHIN: Duration = Duration::from_secs(240);

/// Asks for as long as the server runs.
pub(crate) async fn ask(door: Arc<Door>) {
    let mut turns = tokio::time::interval(LOOK);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    let failing = Arc::new(AtomicBool::new(false));
    loop {
        turns.tick().await;
        let state = door.state.load_full();
        let due = match state.realm.due_questions().await {
            Ok(due) => due,
            Err(error) => {
                complain(&failing, &error);
                continue;
            }
        };
        for questions in due {
            let Ok(permit) = room.clone().acquire_owned().await else {
                return;
            };
            let (door, state, failing) = (door.clone(), state.clone(), failing.clone());
            tokio::spawn(async move {
                let _permit = permit;
                let asked = ask_one(&door, &state, questions);
                match tokio::time::timeout(ASKED_WITHIN, asked).await {
                    Ok(Ok(())) => failing.store(false, Ordering::Relaxed),
                    Ok(Err(error)) => complain(&failing, &error),
                    Err(_) => complain(&failing, &"time was up"),
                }
            });
        }
    }
}

/// Says once that sources cannot be asked.
fn complain(failing: &AtomicBool, why: &dyn std::fmt::Display) {
    if !failing.swap(true, Ordering::Relaxed) {
        tracing::error!("sources of identities are not asked: {why}");
    }
}

async fn ask_one(
    door: &Door,
    state: &State,
    questions: Questions,
) -> Result<(), locum_identity::error::Error> {
    for ended in state.realm.ask(questions).await? {
        record(door, state, ended).await;
    }
    Ok(())
}

/// Records that a source ended sessions.
pub(crate) async fn record(door: &Door, state: &State, ended: Ended) {
    let facts = RequestFacts {
        now: ended.at,
        source_ip: None,
        secure_transport: true,
        user_agent: None,
        referer: None,
        region: String::new(),
        request_id: uuid(&*door.entropy),
        notes: Arc::default(),
    };
    facts.notes.identify(ForeignIdentity {
        kind: FederationKind::WebIdentity,
        account: ended.account,
        provider: ended.provider.clone(),
        subject: ended.subject.clone(),
        audience: None,
        qualifier: None,
    });
    facts.notes.explain(&ended.why);
    let outcome = Outcome {
        event_source: "locum",
        event_name: "EndSessionsAtSource".to_owned(),
        request: Recorded::Value(serde_json::json!({
            "provider": ended.provider,
            "subject": ended.subject,
            "revocationId": ended.revocation_id,
        })),
        ..Outcome::default()
    };
    let event = Event {
        realm: state.realm.clone(),
        facts,
        caller: None,
        claimed_key: None,
        outcome,
    };
    door.recorder.record(event).await;
}
