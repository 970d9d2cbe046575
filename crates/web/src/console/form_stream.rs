//! A form with files as it comes in: a field at a time, a piece at a time, in little memory whatever is sent.

use super::FORM_LIMIT;
use super::failure::Failure;
use super::frame::Frame;
use crate::api::attachments::STANDSTILL;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{FromRequest, Multipart, Request};
use hyper::body::Frame as BodyFrame;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::time::timeout;

/// How much may come before a field or a piece of one can be handed over: what lies before the first field, and the head
/// of each, is kept until it is whole.
const MOST_KEPT: u64 = 1 << 20;

/// How much is handed to the reader of the form at once.
const PIECE: usize = 64 * 1024;

/// How much of a form is still read after one of its files was refused, so that the browser comes to read why.
const READ_ON: u64 = 1 << 30;

/// A form with files.
pub struct FormStream {
    form: Multipart,
    meter: Arc<Meter>,
}

/// A field of a form.
pub struct FormField<'a> {
    field: Field<'a>,
    meter: Arc<Meter>,
}

/// Why a form cannot be read to its end.
#[derive(Debug)]
pub enum FormError {
    /// Nothing came for a while.
    Slow,
    /// It is no form, or the connection was cut.
    Unreadable(String),
    /// The texts of its fields together are too long.
    TooMuchText,
    /// A text is no text.
    NotText,
}

impl FormError {
    /// The page that says so.
    pub fn on(self, frame: &Frame) -> Failure {
        let words = match self {
            Self::Slow => {
                format!("Nothing came for {} s, so the document was not sent.", STANDSTILL.as_secs())
            }
            Self::Unreadable(words) => words,
            Self::TooMuchText => {
                format!("A document's text has {FORM_LIMIT} bytes at most: send more as a file.")
            }
            Self::NotText => "A field of the form is not UTF-8.".to_owned(),
        };
        Failure::malformed(frame, words)
    }
}

impl<S: Send + Sync> FromRequest<S> for FormStream {
    type Rejection = MultipartRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let meter = Arc::new(Meter::default());
        let metered = request.map(|body| Body::new(Metered::new(body, Arc::clone(&meter))));
        Ok(Self { form: Multipart::from_request(metered, state).await?, meter })
    }
}

impl FormStream {
    /// The next field. The one before must have been read to its end, and dropped.
    ///
    /// # Errors
    /// When nothing comes, or what comes is no form.
    pub async fn next_field(&mut self) -> Result<Option<FormField<'_>>, FormError> {
        let next = timeout(STANDSTILL, self.form.next_field()).await.map_err(|_| FormError::Slow)?;
        let field = next.map_err(|error| self.meter.words(&error))?;
        self.meter.handed_over();
        Ok(field.map(|field| FormField { field, meter: Arc::clone(&self.meter) }))
    }

    /// Reads what is left after a field that was passed over, and keeps none of it. All together is bounded by what
    /// `left` gives.
    pub async fn pass_over(mut self, left: ReadOn) {
        while let Ok(Some(field)) = self.next_field().await {
            if !field.pass_over(left).await {
                break;
            }
        }
    }
}

impl FormField<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// The name of the file that it is.
    pub fn file_name(&self) -> &str {
        self.field.file_name().unwrap_or_default()
    }

    /// The media type that it is said to have.
    pub fn content_type(&self) -> Option<&str> {
        self.field.content_type()
    }

    /// The next piece of its content; none at its end.
    ///
    /// # Errors
    /// When nothing comes, or what comes is no form.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, FormError> {
        let piece = timeout(STANDSTILL, self.field.chunk()).await.map_err(|_| FormError::Slow)?;
        let piece = piece.map_err(|error| self.meter.words(&error))?;
        self.meter.handed_over();
        Ok(piece)
    }

    /// Its content as text, which takes its length from `room`.
    ///
    /// # Errors
    /// When it is longer, is no text, or does not come.
    pub async fn text(mut self, room: &mut usize) -> Result<String, FormError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            *room = room.checked_sub(piece.len()).ok_or(FormError::TooMuchText)?;
            bytes.extend_from_slice(&piece);
        }
        String::from_utf8(bytes).map_err(|_| FormError::NotText)
    }

    /// From here on, how much of the form may be read on and kept by nobody.
    pub fn read_on(&self) -> ReadOn {
        ReadOn(self.meter.came() + READ_ON)
    }

    /// Reads the field to its end and keeps none of it: a browser shows an answer only when it could send everything.
    /// Whether it came to the end.
    pub async fn pass_over(mut self, left: ReadOn) -> bool {
        while self.meter.came() < left.0 {
            match self.piece().await {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    }
}

/// Up to which byte of a form is read on.
#[derive(Clone, Copy, Debug)]
pub struct ReadOn(u64);

/// What came of a form.
#[derive(Default)]
struct Meter {
    came: AtomicU64,
    handed_over: AtomicU64,
}

impl Meter {
    fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    fn kept(&self) -> u64 {
        self.came() - self.handed_over.load(Ordering::Relaxed)
    }

    fn handed_over(&self) {
        self.handed_over.store(self.came(), Ordering::Relaxed);
    }

    fn words(&self, error: &MultipartError) -> FormError {
        if self.kept() > MOST_KEPT {
            return FormError::Unreadable(too_long());
        }
        FormError::Unreadable(error.body_text())
    }
}

fn too_long() -> String {
    format!("What stands before the content of a field has {MOST_KEPT} bytes at most.")
}

/// The body of a form, which comes in small pieces and fails when too many are kept.
struct Metered {
    body: Body,
    rest: Bytes,
    pause: bool,
    meter: Arc<Meter>,
}

impl Metered {
    fn new(body: Body, meter: Arc<Meter>) -> Self {
        Self { body, rest: Bytes::new(), pause: false, meter }
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, axum::Error>>> {
        // The reader of the form takes everything that is ready before it looks at it: between two pieces nothing is.
        if std::mem::take(&mut self.pause) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.pause = true;
        self.meter.came.fetch_add(piece.len() as u64, Ordering::Relaxed);
        if self.meter.kept() > MOST_KEPT {
            return Poll::Ready(Some(Err(axum::Error::new(io::Error::other(too_long())))));
        }
        Poll::Ready(Some(Ok(BodyFrame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;
    use http_body_util::channel::Channel;
    use std::convert::Infallible;
    use std::time::Duration;

    /// Reads over a form of two files whose pieces, of 1,000 bytes, come `pause` seconds apart: whether it was read to
    /// its end.
    async fn is_read_over(pause: u64, most: u64) -> bool {
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
        let sending = tokio::spawn(async move {
            for name in ["a", "b"] {
                let head = format!(
                    "\r\n--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
                );
                if sender.send_data(head.into()).await.is_err() {
                    return;
                }
                for _ in 0..3 {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    if sender.send_data(Bytes::from(vec![b'x'; 1000])).await.is_err() {
                        return;
                    }
                }
            }
            drop(sender.send_data(Bytes::from_static(b"\r\n--edge--\r\n")).await);
        });
        let request = Request::builder().header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        let request = request.body(Body::new(body)).unwrap();
        let mut form = FormStream::from_request(request, &()).await.unwrap();
        let field = form.next_field().await.unwrap().unwrap();
        let left = ReadOn(field.meter.came() + most);
        if !field.pass_over(left).await {
            return false;
        }
        let meter = Arc::clone(&form.meter);
        form.pass_over(left).await;
        sending.await.unwrap();
        meter.came() > 6_000
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_has_its_own_time_and_all_together_one_bound() {
        assert!(is_read_over(50, 10_000).await, "three pieces take longer than one may");
        assert!(!is_read_over(70, 10_000).await, "nothing came for too long");
        assert!(!is_read_over(1, 2_000).await, "the first file is longer than what is read on");
        assert!(!is_read_over(1, 5_000).await, "both together are");
    }

    #[tokio::test]
    async fn a_body_that_is_ready_at_once_is_taken_in_pieces() {
        // More than may be kept at once, and no more than a form without a limit of its own takes.
        let content = vec![b'x'; 3 << 19];
        let mut body =
            b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        let request = Request::builder().header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        let request = request.body(Body::from(body)).unwrap();
        let mut form = FormStream::from_request(request, &()).await.unwrap();
        let mut field = form.next_field().await.unwrap().unwrap();
        let (mut length, mut longest) = (0, 0);
        while let Some(piece) = field.piece().await.unwrap() {
            (length, longest) = (length + piece.len(), longest.max(piece.len()));
        }
        assert_eq!(length, content.len());
        assert!(longest <= 2 * PIECE, "{longest}");
        drop(field);
        assert!(form.next_field().await.unwrap().is_none());
    }
}
