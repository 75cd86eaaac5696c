//! Servers and load generator on processors of their own, where there is more than one.

use crate::Outcome;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Which processors are whose.
pub(crate) struct Cores {
    servers: Vec<usize>,
    generator: Vec<usize>,
}

impl Cores {
    /// Gives the servers the first half of the processors that this process may use, and the
    /// generator the rest. A single one is shared.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn divide() -> Outcome<Self> {
        let ours = sched_getaffinity(None)?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|n| ours.is_set(*n)).collect();
        Ok(match all.split_at(all.len() / 2) {
            ([], generator) => Self {
                servers: generator.to_vec(),
                generator: generator.to_vec(),
            },
            (servers, generator) => Self {
                servers: servers.to_vec(),
                generator: generator.to_vec(),
            },
        })
    }

    /// Does something on the servers' processors: what it starts stays there.
    ///
    /// # Errors
    /// Those of `work`, and when the system does not let the thread move.
    pub(crate) fn as_server<T>(&self, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        sched_setaffinity(None, &set(&self.servers))?;
        let done = work();
        sched_setaffinity(None, &set(&self.generator))?;
        done
    }

    /// A runtime for the generator, on its processors.
    ///
    /// # Errors
    /// When the system lacks threads, or does not let them move.
    pub(crate) fn generator(&self) -> Outcome<tokio::runtime::Runtime> {
        sched_setaffinity(None, &set(&self.generator))?;
        Ok(tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.generator.len())
            .enable_all()
            .build()?)
    }

    /// A line that says who is where.
    pub(crate) fn describe(&self) -> String {
        format!(
            "servers on processors {:?}, load generator on {:?}",
            self.servers, self.generator
        )
    }
}

fn set(numbers: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for number in numbers {
        set.set(*number);
    }
    set
}
