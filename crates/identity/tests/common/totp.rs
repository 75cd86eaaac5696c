//! MFA devices as their owners have them: what they show is worked out here a second time.

#![allow(dead_code, reason = "each test binary uses its part")]

use crate::common::{World, n};
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use locum_identity::error::Error;
use locum_identity::iam::mfa_devices::{CreateVirtualMfaDevice, EnableMfaDevice};
use locum_identity::sts::MfaParameters;

/// A device.
#[derive(Clone)]
pub(crate) struct Device {
    /// Its ARN.
    pub(crate) serial: String,
    seed: Vec<u8>,
}

impl Device {
    /// A new device that nobody has yet.
    pub(crate) fn new(world: &World, name: &str) -> Self {
        let created = world.root(CreateVirtualMfaDevice {
            name: n(name),
            path: None,
            tags: Vec::new(),
        });
        let created = created.unwrap();
        Self {
            serial: created.serial_number,
            seed: BASE32_NOPAD
                .decode(created.seed.expose().as_bytes())
                .unwrap(),
        }
    }

    /// A new device, enabled for a user by the root user with the codes of now and of before.
    pub(crate) fn of(world: &World, user: &str) -> Self {
        let device = Self::new(world, &format!("{user}-device"));
        let step = world.facts().now / 30;
        device.enable(world, user, step - 1).unwrap();
        device
    }

    /// Enables it with the codes of a step and the next.
    pub(crate) fn enable(&self, world: &World, user: &str, step: i64) -> Result<(), Error> {
        world.root(self.enabling(user, step))
    }

    /// The request that does.
    pub(crate) fn enabling(&self, user: &str, step: i64) -> EnableMfaDevice {
        EnableMfaDevice {
            user_name: n(user),
            serial_number: n(&self.serial),
            first_code: n(&self.code(step)),
            second_code: n(&self.code(step + 1)),
        }
    }

    /// What it shows in a step: RFC 6238.
    pub(crate) fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 15);
        let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap());
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
    }

    /// The parameters of STS with the code of a step.
    pub(crate) fn at(&self, step: i64) -> MfaParameters {
        parameters(Some(&self.serial), Some(&self.code(step)))
    }

    /// The same, with what it shows `away` steps from now.
    pub(crate) fn shows(&self, world: &World, away: i64) -> MfaParameters {
        self.at(world.facts().now / 30 + away)
    }
}

/// Any parameters.
pub(crate) fn parameters(serial: Option<&str>, code: Option<&str>) -> MfaParameters {
    MfaParameters {
        serial_number: serial.map(n),
        token_code: code.map(n),
    }
}
