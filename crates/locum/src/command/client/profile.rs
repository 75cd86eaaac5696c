//! The files that the AWS CLI and the SDKs keep profiles in.

use super::super::input;
use super::variable;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest file of profiles, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The settings of one profile, from both files.
#[derive(Debug, Default)]
pub(super) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// The profile of that name; `None` if neither file has it. What the credentials file says goes
    /// before what the configuration file says.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(super) fn read(name: &str) -> Result<Option<Self>, String> {
        let config = text("AWS_CONFIG_FILE", "config")?;
        let credentials = text("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let settings = section(&config, |header| in_config(header) == Some(name));
        let secrets = section(&credentials, |header| header == name);
        Ok(match (settings, secrets) {
            (None, None) => None,
            (settings, secrets) => {
                let mut both = settings.unwrap_or_default();
                both.extend(secrets.unwrap_or_default());
                Some(Self(both))
            }
        })
    }

    /// A setting; an empty one counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// The text of one of the files; none if it is not there.
fn text(name: &str, default: &str) -> Result<String, String> {
    let home = || variable("HOME").map(PathBuf::from);
    let path = match variable(name) {
        Some(given) => match (given.strip_prefix("~/"), home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(given),
        },
        None => match home() {
            Some(home) => home.join(".aws").join(default),
            None => return Ok(String::new()),
        },
    };
    if path == Path::new("-") || !path.exists() {
        return Ok(String::new());
    }
    input::read(&path, LONGEST).map_err(|why| format!("`{}` {why}", path.display()))
}

/// The profile that a section of the configuration file is about: `default`, or `profile NAME`.
fn in_config(header: &str) -> Option<&str> {
    if header == "default" {
        return Some(header);
    }
    let name = header.strip_prefix("profile")?;
    let bare = name.trim_start();
    (bare.len() < name.len()).then(|| bare.trim_matches(['"', '\'']))
}

/// The settings of the sections that are wanted; `None` if there is no such section.
fn section(text: &str, wanted: impl Fn(&str) -> bool) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines() {
        // Indented lines belong to the setting above them, which is none of those read here.
        if line.starts_with(['#', ';', ' ', '\t']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split_once(']').map_or("", |(header, _)| header);
            inside = wanted(header.trim());
            if inside {
                found.get_or_insert_default();
            }
        } else if let (true, Some(settings), Some((key, value))) =
            (inside, &mut found, line.split_once('='))
        {
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
region = nowhere
[default]
region = eu-west-1
s3 =
  region = nested
# region = commented
[profile two]
Region=eu-west-2
role_arn =
[profile \"with blank\"]
region = eu-west-3
[profiletwo]
region = nowhere
[two]
region = nowhere
";

    fn region(name: &str) -> Option<String> {
        section(CONFIG, |header| in_config(header) == Some(name))?.remove("region")
    }

    #[test]
    fn sections_of_the_configuration_file() {
        assert_eq!(region("default").as_deref(), Some("eu-west-1"));
        assert_eq!(region("two").as_deref(), Some("eu-west-2"));
        assert_eq!(region("with blank").as_deref(), Some("eu-west-3"));
        assert_eq!(region("three"), None);
        assert_eq!(region("profile two"), None);
    }

    #[test]
    fn an_empty_setting_is_absent() {
        let two = Profile(section(CONFIG, |header| in_config(header) == Some("two")).unwrap());
        assert_eq!(two.get("role_arn"), None);
        assert_eq!(two.get("region"), Some("eu-west-2"));
    }

    #[test]
    fn sections_of_the_credentials_file() {
        let text = "[a]\naws_access_key_id = 1=2\n[b]\naws_access_key_id = 3\n[a]\nregion = r\n";
        let a = Profile(section(text, |header| header == "a").unwrap());
        assert_eq!(a.get("aws_access_key_id"), Some("1=2"));
        assert_eq!(a.get("region"), Some("r"));
    }
}
