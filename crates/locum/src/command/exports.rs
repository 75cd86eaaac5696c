//! `locum env`

use super::client::{AssumeArgs, variables};
use super::print;
use crate::Failure;
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

#[derive(Args, Clone, Debug)]
pub(crate) struct EnvArgs {
    #[command(flatten)]
    assume: AssumeArgs,
    /// The shell that will read the lines [default: that of SHELL]
    #[arg(long, env = "LOCUM_SHELL", value_enum)]
    shell: Option<Shell>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Shell {
    /// The POSIX shell, bash, zsh
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

impl EnvArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let shell = self.shell.unwrap_or_else(|| {
            let path = std::env::var("SHELL").unwrap_or_default();
            Shell::of(&path)
        });
        let session = self.assume.check()?.once()?;
        let mut set = variables::credentials(&session);
        set.extend(variables::place(&session));
        let mut out = String::new();
        for name in variables::REMOVED {
            if set.iter().all(|(kept, _)| *kept != name) {
                out += &shell.unset(name);
            }
        }
        for (name, value) in &set {
            out += &shell.set(name, value.expose());
        }
        print(&out)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Shell {
    /// The shell of a program's path; what is not known reads what the POSIX shell reads.
    fn of(path: &str) -> Self {
        match Path::new(path).file_name().and_then(|name| name.to_str()) {
            Some("fish") => Self::Fish,
            Some("pwsh" | "powershell") => Self::Powershell,
            _ => Self::Sh,
        }
    }

    /// The line that sets a variable.
    pub(crate) fn set(self, name: &str, value: &str) -> String {
        let value = self.quoted(value);
        match self {
            Self::Sh => format!("export {name}={value}\n"),
            Self::Fish => format!("set -gx {name} {value}\n"),
            Self::Powershell => format!("$Env:{name} = {value}\n"),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name}\n"),
            Self::Fish => format!("set -e {name}\n"),
            Self::Powershell => {
                format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue\n")
            }
        }
    }

    /// The text as one word in which the shell finds nothing to do.
    fn quoted(self, text: &str) -> String {
        let mut out = String::from("'");
        for c in text.chars() {
            match (self, c) {
                (Self::Sh, '\'') => out += "'\\''",
                (Self::Fish, '\'' | '\\') => {
                    let _ = write!(out, "\\{c}");
                }
                // PowerShell takes typographic quotation marks for the plain one.
                (Self::Powershell, '\'' | '\u{2018}'..='\u{201b}') => {
                    let _ = write!(out, "{c}{c}");
                }
                _ => out.push(c),
            }
        }
        out + "'"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_told_by_its_path() {
        assert_eq!(Shell::of("/usr/bin/fish"), Shell::Fish);
        assert_eq!(Shell::of("/opt/pwsh"), Shell::Powershell);
        for path in ["/bin/bash", "/bin/zsh", "", "/", "fishy"] {
            assert_eq!(Shell::of(path), Shell::Sh, "{path}");
        }
    }

    #[test]
    fn values_stay_one_word() {
        let hostile = "a'b\\c $(x) `y` \u{2019}\"\n";
        let check = |shell: Shell, wanted: &str| assert_eq!(shell.quoted(hostile), wanted);
        check(Shell::Sh, "'a'\\''b\\c $(x) `y` \u{2019}\"\n'");
        check(Shell::Fish, "'a\\'b\\\\c $(x) `y` \u{2019}\"\n'");
        check(Shell::Powershell, "'a''b\\c $(x) `y` \u{2019}\u{2019}\"\n'");
    }

    #[test]
    fn lines_of_each_shell() {
        let check = |shell: Shell, set: &str, unset: &str| {
            assert_eq!(shell.set("A", "b"), set);
            assert_eq!(shell.unset("A"), unset);
        };
        check(Shell::Sh, "export A='b'\n", "unset A\n");
        check(Shell::Fish, "set -gx A 'b'\n", "set -e A\n");
        check(
            Shell::Powershell,
            "$Env:A = 'b'\n",
            "Remove-Item Env:A -ErrorAction SilentlyContinue\n",
        );
    }
}
