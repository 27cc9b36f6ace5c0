//! A page in a real browser, spoken to over its DevTools protocol through a pipe: real keys, a real pointer, any width,
//! light or dark, what the console says, what is asked of the network, and what comes out of the printer.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test file uses its part, and in a test a panic is the report"
)]

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A browser that says nothing for so long has died.
const SILENCE: Duration = Duration::from_secs(60);

/// The browser on the path; `None` is said on the standard error, and is a failure under `HARNESS_REQUIRE_CHROMIUM=1`.
pub(crate) fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("HARNESS_REQUIRE_CHROMIUM").is_none_or(|v| v != "1"),
            "HARNESS_REQUIRE_CHROMIUM=1, and none of {names:?} is on the path"
        );
        // Not by the macro, whose words a passing test swallows.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no chromium on the path to open the page in"
        );
    }
    found
}

/// A browser with one tab.
pub(crate) struct Tab {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    session: String,
    last: u64,
    /// Pages that were loaded.
    loaded: Vec<Value>,
    /// Words on the console, errors of scripts and breaches of the policy.
    pub(crate) said: Vec<String>,
    /// What was asked of the network or the disk, in order.
    pub(crate) asked: Vec<String>,
    _profile: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Tab {
    /// Starts the browser, as wide as told, CSS pixels.
    pub(crate) fn new(browser: &Path, width: u32) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads what it is told from descriptor 3 and answers on 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--remote-debugging-pipe", "--no-first-run", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (say, from) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for part in out.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&part).unwrap_or_default();
                if say.send(message).is_err() {
                    break;
                }
            }
        });
        let mut tab = Self {
            to: child.stdin.take(),
            child,
            from,
            session: String::new(),
            last: 0,
            loaded: Vec::new(),
            said: Vec::new(),
            asked: Vec::new(),
            _profile: profile,
            folder: tempfile::tempdir().unwrap(),
        };
        let made = tab.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": made["targetId"], "flatten": true});
        let attached = tab.call("Target.attachToTarget", attach);
        attached["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut tab.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        tab.call("Page.setLifecycleEventsEnabled", json!({"enabled": true}));
        tab.wide(width);
        tab
    }

    /// Sets the width, CSS pixels.
    pub(crate) fn wide(&mut self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Sets `light` or `dark`.
    pub(crate) fn scheme(&mut self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// Opens a page and waits until it is there with all it asks for.
    pub(crate) fn open(&mut self, page: &str) {
        self.open_at(page, "");
    }

    /// Opens a page at a fragment, `#` included.
    pub(crate) fn open_at(&mut self, page: &str, fragment: &str) {
        let file = self.folder.path().join("page.html");
        std::fs::write(&file, page).unwrap();
        // From elsewhere, so that a fragment alone is a new page too.
        self.go("about:blank");
        self.said.clear();
        self.asked.clear();
        self.go(&format!("file://{}{fragment}", file.display()));
    }

    fn go(&mut self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url}));
        // That it is loaded may be heard before the answer, and that of the page before may be heard late.
        while !self.loaded.contains(&gone["loaderId"]) {
            self.hear();
        }
    }

    /// The value of an expression in the page; a promise's is waited for.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let ask = json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.call("Runtime.evaluate", ask);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// The same as a text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The same as a number.
    pub(crate) fn number(&mut self, expression: &str) -> f64 {
        self.eval(expression).as_f64().unwrap_or(f64::NAN)
    }

    /// Presses a key that writes nothing: `Tab`, `Enter`, `ArrowRight` …
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        let mut down =
            json!({"type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": code});
        if key == "Enter" {
            down["type"] = "keyDown".into();
            down["text"] = "\r".into();
        }
        self.call("Input.dispatchKeyEvent", down);
        let up = json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Moves the pointer, presses or lets go: `mouseMoved`, `mousePressed`, `mouseReleased`, at pixels of the window.
    pub(crate) fn pointer(&mut self, what: &str, x: f64, y: f64) {
        let (button, buttons) = match what {
            "mouseMoved" => ("none", 0),
            "mousePressed" => ("left", 1),
            _ => ("left", 0),
        };
        let event = json!({"type": what, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": u8::from(what != "mouseMoved"), "pointerType": "mouse"});
        self.call("Input.dispatchMouseEvent", event);
    }

    /// The page as it prints on A4.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        use base64::Engine as _;
        let how = json!({"printBackground": true, "preferCSSPageSize": true});
        let printed = self.call("Page.printToPDF", how);
        let data = printed["data"].as_str().unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(data)
            .unwrap()
    }

    /// A message and its answer; what is heard meanwhile is noted.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let mut message = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        let to = self.to.as_mut().unwrap();
        to.write_all(format!("{message}\0").as_bytes()).unwrap();
        to.flush().unwrap();
        loop {
            let heard = self.hear();
            if heard["id"] == id {
                assert!(heard.get("error").is_none(), "{method}: {heard}");
                return heard["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let heard = self
            .from
            .recv_timeout(SILENCE)
            .expect("the browser answers");
        let params = &heard["params"];
        match heard["method"].as_str().unwrap_or_default() {
            "Runtime.consoleAPICalled" => self.said.push(params["args"].to_string()),
            "Runtime.exceptionThrown" => self.said.push(params["exceptionDetails"].to_string()),
            "Log.entryAdded" => self.said.push(params["entry"]["text"].to_string()),
            "Page.lifecycleEvent" if params["name"] == "load" => {
                self.loaded.push(params["loaderId"].clone());
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                self.asked.push(url.to_owned());
            }
            _ => {}
        }
        heard
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        // It ends when its pipe does; killed should it not hear that.
        self.to = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every visible text's contrast to what is behind it, by WCAG's formula; answers with those below 4.5.
pub(crate) const CONTRAST: &str = r#"(() => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const ink = canvas.getContext('2d', { willReadFrequently: true });
  const rgba = c => { ink.clearRect(0, 0, 1, 1); ink.fillStyle = c; ink.fillRect(0, 0, 1, 1); const d = ink.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = c => { const l = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const behind = e => { const layers = []; for (; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor)); return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]); };
  const seen = [], low = {};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, e = node.parentElement;
    if (!node.textContent.trim() || ['SCRIPT', 'STYLE', 'title', 'desc', 'OPTION'].includes(e.tagName) || e.closest('.hide, .defs') || !e.checkVisibility()) continue;
    const style = getComputedStyle(e), back = behind(e), svg = e.closest('svg');
    let shade = 1; for (let p = e; p; p = p.parentElement) shade *= parseFloat(getComputedStyle(p).opacity);
    const color = rgba(svg ? style.fill : style.color); color[3] *= shade;
    const [a, b] = [light(over(color, back)), light(back)], ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen.push(ratio);
    if (ratio < 4.5) low[(e.getAttribute('class') || e.tagName) + ' in ' + (e.parentElement.getAttribute('class') || e.parentElement.tagName)] = ratio.toFixed(2) + ' ' + node.textContent.trim().slice(0, 30);
  }
  return [seen.length, low];
})()"#;
