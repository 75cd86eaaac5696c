//! Signals that are meant for the command that runs as a child.

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use std::fs::File;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that go on to the child.
const PASSED_ON: [(fn() -> SignalKind, Signal); 6] = [
    (SignalKind::interrupt, Signal::INT),
    (SignalKind::terminate, Signal::TERM),
    (SignalKind::hangup, Signal::HUP),
    (SignalKind::quit, Signal::QUIT),
    (SignalKind::user_defined1, Signal::USR1),
    (SignalKind::user_defined2, Signal::USR2),
];

/// Signals as they come.
pub(super) struct Signals(mpsc::Receiver<Signal>);

impl Signals {
    /// From now on no signal of the list ends this process. Call it before the child is there.
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(16);
        for (kind, passed) in PASSED_ON {
            let mut stream = signal(kind())?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() && sender.send(passed).await.is_ok() {}
            });
        }
        Ok(Self(receiver))
    }

    pub(super) async fn next(&mut self) -> Option<Signal> {
        self.0.recv().await
    }
}

/// Sends a signal to the child, unless the terminal has sent it there already: many programs take a
/// second interrupt for an order to end without tidying up.
pub(super) fn send(id: u32, signal: Signal) {
    if (signal == Signal::INT || signal == Signal::QUIT) && is_in_foreground() {
        return;
    }
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It fails only if the child has just ended.
        let _ = kill_process(id, signal);
    }
}

/// Whether what is typed on a terminal goes to this process and its child alike.
fn is_in_foreground() -> bool {
    File::open("/dev/tty")
        .is_ok_and(|terminal| tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()))
}
