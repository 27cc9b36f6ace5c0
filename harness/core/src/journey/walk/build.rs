//! A step's request: its texts filled, its cookies and its trace chosen. What comes back is not known here.

use super::{Next, Outgoing, Pending, Walk, unfillable};
use crate::event::Broken;
use crate::expr::shown;
use crate::http::Request;
use crate::journey::{RequestStep, redirect};
use crate::template::{Part, RenderError, Text, percent};
use bytes::Bytes;
use std::time::Duration;

impl Walk {
    pub(super) fn send(&mut self, step: &RequestStep, now: Duration) -> Next {
        let pending = match self.onward.take() {
            Some(onward) => onward,
            None => {
                self.scope.wall_ms = self.wall_ms(now);
                match self.build(step) {
                    Ok(request) => Pending {
                        request,
                        intended: self.intended,
                        redirects: 0,
                        sent: None,
                    },
                    Err(broken) => return Next::Failed(self.unbuilt(broken, now)),
                }
            }
        };
        let Pending {
            mut request,
            intended,
            redirects,
            sent,
        } = pending;
        if let Some(cookies) = self
            .jar
            .header(&request.url, self.wall_ms(now))
            .filter(|_| request.header("cookie").is_none())
        {
            request.headers.push(("cookie".into(), cookies));
        }
        if let Some(eventually) = step.eventually {
            self.deadline.get_or_insert(self.intended + eventually);
        }
        self.pending = Some(Pending {
            request: request.clone(),
            intended,
            redirects,
            sent,
        });
        Next::Send(Outgoing {
            step: self.at,
            request,
            copies: step.copies.as_ref().map_or(1, |copies| copies.count),
            timeout: step.timeout,
            intended,
        })
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
            let value = value.rendered(&mut self.scope)?;
            // A value from the target could carry a line end; a header can't.
            headers.push((name.clone(), value.replace(['\r', '\n'], " ")));
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
