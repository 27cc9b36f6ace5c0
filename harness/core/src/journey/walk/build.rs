//! A step's request: its texts filled, its cookies and its trace chosen. What comes back is not known here.

use super::{Next, Outgoing, Pending, Walk, unfillable};
use crate::event::Broken;
use crate::expr::shown;
use crate::http::Request;
use crate::journey::{RequestStep, redirect};
use crate::template::{Part, RenderError, Text, percent};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

impl Walk {
    pub(super) fn send(&mut self, step: &RequestStep, now: Duration) -> Next {
        let mut pending = match self.onward.take() {
            Some(onward) => onward,
            None => {
                self.scope.wall_ms = self.wall_ms(now);
                match self.build(step) {
                    Ok(request) => Pending {
                        request: Arc::new(request),
                        intended: self.intended,
                        redirects: 0,
                        sent: None,
                    },
                    Err(broken) => return Next::Failed(self.unbuilt(broken, now)),
                }
            }
        };
        if let Some(cookies) = self
            .jar
            .header(&pending.request.url, self.wall_ms(now))
            .filter(|_| pending.request.header("cookie").is_none())
        {
            // Nobody else has it yet.
            let headers = &mut Arc::make_mut(&mut pending.request).headers;
            headers.push(("cookie".into(), cookies));
        }
        if let Some(eventually) = step.eventually {
            self.deadline.get_or_insert(self.intended + eventually);
        }
        let outgoing = Outgoing {
            step: self.at,
            request: Arc::clone(&pending.request),
            copies: step.copies.as_ref().map_or(1, |copies| copies.count),
            timeout: step.timeout,
            intended: pending.intended,
        };
        self.pending = Some(pending);
        Next::Send(outgoing)
    }

    fn build(&mut self, step: &RequestStep) -> Result<Request, Broken> {
        let url = match &step.link {
            Some(base) => self.link(step, base)?,
            None => step
                .url
                .rendered(&mut self.scope)
                .map_err(|e| unfillable(&e))?,
        };
        self.request(step, url).map_err(|error| unfillable(&error))
    }

    /// Where a link leads that the target has sent; nowhere but to the base's own origin.
    fn link(&mut self, step: &RequestStep, base: &Text) -> Result<String, Broken> {
        if let Some(Part::Hole { expr, .. }) = step.url.parts.first() {
            let value = self.scope.value(expr).map_err(|e| unfillable(&e))?;
            if !value.is_string() {
                return Err(Broken {
                    expected: format!("a link in `{{{{ {expr} }}}}`"),
                    actual: shown(&value),
                });
            }
        }
        let mut rendered = |text: &Text| text.rendered(&mut self.scope).map_err(|e| unfillable(&e));
        let (base, link) = (rendered(base)?, rendered(&step.url)?);
        redirect::link(&base, &link).ok_or_else(|| Broken {
            expected: format!("a link that stays with {base}"),
            actual: shown(&link.into()),
        })
    }

    fn request(&mut self, step: &RequestStep, mut url: String) -> Result<Request, RenderError> {
        for (name, value) in &step.query {
            url.push(if url.contains('?') { '&' } else { '?' });
            percent(name, &mut url);
            url.push('=');
            value.render_percent(&mut self.scope, &mut url)?;
        }
        let mut headers = Vec::with_capacity(step.headers.len() + 2);
        for (name, value) in &step.headers {
            let mut value = value.rendered(&mut self.scope)?;
            // A value from the target could carry a line end; a header can't.
            if value.contains(['\r', '\n']) {
                value = value.replace(['\r', '\n'], " ");
            }
            headers.push((name.clone(), value));
        }
        if let Some(trace) = &mut self.trace
            && !step.headers.iter().any(|(name, _)| name == "traceparent")
        {
            let parent = String::from_utf8_lossy(&trace.parent()).into_owned();
            headers.push(("traceparent".into(), parent));
        }
        let body = if step.body.is_empty() {
            Bytes::new()
        } else {
            Bytes::from(step.body.rendered(&mut self.scope)?)
        };
        Ok(Request {
            method: step.method,
            url,
            headers,
            body,
        })
    }
}
