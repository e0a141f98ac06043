//! A real browser: Debian's `chromium` without a window, driven over its `DevTools` protocol.
//!
//! Tests say what a person does: open an address, click what reads so, drop a file. Whatever the browser itself finds
//! wrong with a page (a script that throws, a style that the policy refuses, an answer that is missing) fails the test
//! that looked at it, see [`Tab::complaints`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chromiumoxide::browser::{Browser as Chromium, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::browser::{SetDownloadBehaviorBehavior, SetDownloadBehaviorParams};
use chromiumoxide::cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams;
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchDragEventParams, DispatchDragEventType, DragData, DragDataItem,
};
use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel};
use chromiumoxide::cdp::js_protocol::runtime::EventExceptionThrown;
use chromiumoxide::error::CdpError;
use chromiumoxide::{Element, Page};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PROGRAM: &str = "/usr/bin/chromium";

/// How long anything that a person would wait for may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the browser gives, which a person would not wait for any longer.
async fn patiently<T>(what: &str, doing: impl Future<Output = Result<T, CdpError>>) -> T {
    let done = timeout(PATIENCE, doing).await.unwrap_or(Err(CdpError::Timeout));
    done.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A browser with a profile of its own.
pub(crate) struct Browser {
    chromium: Chromium,
    events: JoinHandle<()>,
    folder: TempDir,
}

impl Browser {
    /// A browser, or `None` with a message where none is installed and none is required.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(crate) async fn start() -> Option<Browser> {
        let required = std::env::var_os("STOPCODE_REQUIRE_CHROMIUM").is_some_and(|value| value == "1");
        if !Path::new(PROGRAM).exists() {
            assert!(!required, "chromium is required and not installed");
            eprintln!("skipped: {PROGRAM} is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(PROGRAM)
            .new_headless_mode()
            .no_sandbox()
            .user_data_dir(folder.path().join("profile"))
            .viewport(None)
            .args(["disable-gpu", "disable-quic", "no-first-run"])
            .args([
                "disable-background-networking",
                "disable-component-update",
                "disable-sync",
            ])
            .launch_timeout(PATIENCE)
            .build()
            .unwrap();
        let (chromium, mut handler) = Chromium::launch(config).await.unwrap();
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        fs::create_dir(folder.path().join("downloads")).unwrap();
        Some(Browser {
            chromium,
            events,
            folder,
        })
    }

    /// A tab that shows `address`, as wide as `width` pixels.
    pub(crate) async fn open(&self, address: &str, width: i64) -> Tab {
        let page = patiently("a tab", self.chromium.new_page("about:blank")).await;
        patiently("the log", page.enable_log()).await;
        patiently("exceptions", page.enable_runtime()).await;
        let complaints = Complaints::default();
        let listening = [complaints.logged(&page).await, complaints.thrown(&page).await];
        let screen = SetDeviceMetricsOverrideParams::new(width, 1000, 1.0, width < 500);
        patiently("the screen", page.execute(screen)).await;
        let downloads = self.folder.path().join("downloads");
        let keep = SetDownloadBehaviorParams::builder()
            .behavior(SetDownloadBehaviorBehavior::Allow)
            .download_path(downloads.display().to_string());
        patiently("downloads", self.chromium.execute(keep.build().unwrap())).await;
        let tab = Tab {
            page,
            downloads,
            complaints,
            _listening: listening,
        };
        tab.goto(address).await;
        tab
    }

    /// Ends the browser as its window's button does.
    pub(crate) async fn close(mut self) {
        patiently("the end", self.chromium.close()).await;
        self.chromium.wait().await.unwrap();
        self.events.abort();
    }
}

/// What the browser itself found wrong.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<Vec<String>>>);

impl Complaints {
    async fn logged(&self, page: &Page) -> JoinHandle<()> {
        let mut entries = page.event_listener::<EventEntryAdded>().await.unwrap();
        let kept = Arc::clone(&self.0);
        tokio::spawn(async move {
            while let Some(event) = entries.next().await {
                if event.entry.level == LogEntryLevel::Error {
                    let entry = &event.entry;
                    let url = entry.url.as_deref().unwrap_or_default();
                    kept.lock().unwrap().push(format!("{} {url}", entry.text));
                }
            }
        })
    }

    async fn thrown(&self, page: &Page) -> JoinHandle<()> {
        let mut exceptions = page.event_listener::<EventExceptionThrown>().await.unwrap();
        let kept = Arc::clone(&self.0);
        tokio::spawn(async move {
            while let Some(event) = exceptions.next().await {
                kept.lock()
                    .unwrap()
                    .push(format!("{:?}", event.exception_details));
            }
        })
    }
}

/// A page that a person looks at.
pub(crate) struct Tab {
    page: Page,
    downloads: PathBuf,
    complaints: Complaints,
    _listening: [JoinHandle<()>; 2],
}

impl Tab {
    /// Opens an address and waits until it is loaded.
    pub(crate) async fn goto(&self, address: &str) {
        let loading = async {
            self.page.goto(address).await?;
            self.page.wait_for_navigation().await
        };
        patiently(address, loading).await;
    }

    /// The path and query of what is shown.
    pub(crate) async fn path(&self) -> String {
        self.evaluate("location.pathname + location.search").await
    }

    /// What the first element that matches `selector` reads.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.find(selector).await;
        patiently(selector, element.inner_text())
            .await
            .unwrap_or_default()
    }

    /// What each element that matches `selector` reads.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let script =
            format!("[...document.querySelectorAll({selector:?})].map(found => found.innerText.trim())");
        self.evaluate(&script).await
    }

    /// Types into the field that `selector` matches.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        patiently(selector, field.click()).await;
        patiently(selector, field.type_str(text)).await;
    }

    /// Clicks the first link or button in `within` that reads `words`, and waits until the address has changed.
    pub(crate) async fn follow(&self, within: &str, words: &str) {
        let before: String = self.evaluate("location.href").await;
        let target = self.clickable(within, words).await;
        patiently(words, target.click()).await;
        self.until(&format!(
            "location.href != {before:?} && document.readyState == 'complete'"
        ))
        .await;
    }

    /// Clicks the first link or button in `within` that reads `words`; the file that is saved.
    pub(crate) async fn download(&self, within: &str, words: &str) -> Vec<u8> {
        for old in fs::read_dir(&self.downloads).unwrap().flatten() {
            fs::remove_file(old.path()).unwrap();
        }
        let target = self.clickable(within, words).await;
        patiently(words, target.click()).await;
        let started = Instant::now();
        loop {
            let mut files = fs::read_dir(&self.downloads)
                .unwrap()
                .flatten()
                .map(|entry| entry.path());
            let whole = files.find(|path| path.extension().is_none_or(|extension| extension != "crdownload"));
            if let Some(path) = whole {
                let bytes = fs::read(path).unwrap();
                if !bytes.is_empty() {
                    return bytes;
                }
            }
            assert!(started.elapsed() < PATIENCE, "nothing was saved");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Drags files from outside over the element that `selector` matches, and lets go.
    pub(crate) async fn drop_files(&self, selector: &str, files: &[&Path]) {
        let target = self.find(selector).await;
        patiently(selector, target.scroll_into_view()).await;
        let at = patiently(selector, target.clickable_point()).await;
        // A drag must carry an item beside its files: an empty list is left out on the way, and then refused.
        let data = DragData::builder()
            .item(DragDataItem::new("text/plain", ""))
            .files(files.iter().map(|path| path.display().to_string()))
            .drag_operations_mask(1)
            .build()
            .unwrap();
        for step in [
            DispatchDragEventType::DragEnter,
            DispatchDragEventType::DragOver,
            DispatchDragEventType::Drop,
        ] {
            let event = DispatchDragEventParams::new(step, at.x, at.y, data.clone());
            patiently("a drag", self.page.execute(event)).await;
        }
    }

    /// Waits until a condition in the page's own language holds.
    pub(crate) async fn until(&self, condition: &str) {
        let started = Instant::now();
        loop {
            // Between two pages there is none to ask.
            let holds = timeout(PATIENCE, self.page.evaluate(condition)).await;
            let holds = holds.ok().and_then(Result::ok);
            if holds.and_then(|value| value.into_value().ok()) == Some(true) {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{condition} did not come true at {}:\n{}",
                self.path().await,
                self.text("body").await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What an expression in the page's own language gives.
    pub(crate) async fn evaluate<T: serde::de::DeserializeOwned>(&self, expression: &str) -> T {
        let value = patiently(expression, self.page.evaluate(expression)).await;
        value.into_value().unwrap()
    }

    /// What the browser found wrong since the tab was opened.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.0.lock().unwrap().clone()
    }

    async fn find(&self, selector: &str) -> Element {
        let found = timeout(PATIENCE, self.page.find_element(selector)).await;
        match found.unwrap_or(Err(CdpError::Timeout)) {
            Ok(element) => element,
            Err(error) => panic!(
                "{selector}: {error} at {}:\n{}",
                self.path().await,
                self.page.content().await.unwrap()
            ),
        }
    }

    async fn clickable(&self, within: &str, words: &str) -> Element {
        // Of a tab behind another one nothing is visible, and what is not visible cannot be clicked.
        patiently("this tab", self.page.bring_to_front()).await;
        for selector in ["a", "button"] {
            let found = timeout(PATIENCE, self.page.find_elements(format!("{within} {selector}"))).await;
            for element in found.ok().and_then(Result::ok).unwrap_or_default() {
                let text = patiently(within, element.inner_text()).await.unwrap_or_default();
                if text.trim().starts_with(words) {
                    return element;
                }
            }
        }
        panic!(
            "nothing in {within} reads {words:?} at {}:\n{}",
            self.path().await,
            self.text("body").await
        );
    }
}
