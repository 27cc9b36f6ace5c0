//! A step's request: its texts filled, its cookies and its trace chosen. What comes back is not known here.

use super::{Next, Outgoing, Pending, Walk};
use crate::http::Request;
use crate::journey::RequestStep;
use crate::template::{RenderError, percent};
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
                    Err(error) => return Next::Failed(self.unbuilt(&error, now)),
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
            .header(&request.url)
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
            timeout: step.timeout,
            intended,
        })
    }

    fn build(&mut self, step: &RequestStep) -> Result<Request, RenderError> {
        let mut url = step.url.rendered(&mut self.scope)?;
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
        if let Some((trace, draws)) = &mut self.trace
            && !step.headers.iter().any(|(name, _)| name == "traceparent")
        {
            headers.push((
                "traceparent".into(),
                format!("00-{trace:032x}-{:016x}-01", draws.bits() | 1),
            ));
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
