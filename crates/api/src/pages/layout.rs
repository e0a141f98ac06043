//! What every page has around its content: title, navigation, who is signed in.

use super::assets;

/// The part of the site a page belongs to, marked in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The overview and the stop codes.
    Overview,
    /// Crashes.
    Crashes,
    /// Drivers.
    Drivers,
    /// Hardware models.
    Models,
    /// Machines.
    Machines,
    /// Experiments.
    Experiments,
    /// Symbol files.
    Symbols,
    /// Sending dumps.
    Upload,
    /// The server itself.
    Health,
    /// Tokens.
    Tokens,
    /// Who did what.
    Audit,
    /// None of them: signing in, errors.
    Outside,
}

/// Who looks at a page, as far as its layout depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each right is given without the others"
)]
pub(crate) struct Viewer {
    /// Whether a session cookie brought them here, which signing out can end.
    pub(crate) has_session: bool,
    /// Whether raw dumps may be downloaded.
    pub(crate) may_download: bool,
    /// Whether dumps may be sent.
    pub(crate) may_upload: bool,
    /// Whether failed dumps may be tried again, and experiments started and cancelled.
    pub(crate) may_admin: bool,
}

/// Everything the base template asks for.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Title of the page, without the product's name.
    pub(crate) title: String,
    /// Which section is current.
    pub(crate) section: Section,
    /// Who looks at it; `None` before signing in.
    pub(crate) viewer: Option<Viewer>,
    /// The path of the style sheet.
    pub(crate) style: String,
    /// The path of the script.
    pub(crate) script: String,
    /// The path of the icon.
    pub(crate) icon: String,
    /// The program's version.
    pub(crate) version: &'static str,
}

/// One entry of the navigation.
pub(crate) struct NavEntry {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) current: bool,
}

impl Layout {
    /// The layout of a page of this title.
    pub(crate) fn new(title: impl Into<String>, section: Section, viewer: Option<&Viewer>) -> Layout {
        Layout {
            title: title.into(),
            section,
            viewer: viewer.cloned(),
            style: assets::style(),
            script: assets::script(),
            icon: assets::icon(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The navigation, empty before signing in.
    pub(crate) fn nav(&self) -> Vec<NavEntry> {
        let Some(viewer) = &self.viewer else {
            return Vec::new();
        };
        let entries = [
            ("/", "Overview", Section::Overview, true),
            ("/crashes", "Crashes", Section::Crashes, true),
            ("/drivers", "Drivers", Section::Drivers, true),
            ("/models", "Models", Section::Models, true),
            ("/machines", "Machines", Section::Machines, true),
            ("/experiments", "Experiments", Section::Experiments, true),
            ("/symbols", "Symbols", Section::Symbols, true),
            ("/upload", "Upload", Section::Upload, viewer.may_upload),
            ("/health", "Health", Section::Health, true),
            ("/tokens", "Tokens", Section::Tokens, viewer.may_admin),
            ("/audit", "Audit", Section::Audit, viewer.may_admin),
        ];
        entries
            .into_iter()
            .filter(|(.., shown)| *shown)
            .map(|(href, label, section, _)| NavEntry {
                href,
                label,
                current: section == self.section,
            })
            .collect()
    }

    /// Whether there is a session to sign out of.
    pub(crate) fn has_session(&self) -> bool {
        self.viewer.as_ref().is_some_and(|viewer| viewer.has_session)
    }
}
