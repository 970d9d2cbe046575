//! Attachments in the console before a real node: sent by a form, seen on their way, downloaded, and refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod office;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use http_body_util::channel::Channel;
use office::{Answer, KEEPER, Office, office_with_a_document, office_with_files};
use std::convert::Infallible;

const DOCUMENTS: &str = "/console/documents";
const ATTACHMENTS: &str = "/console/attachments";

/// A form of a document, with `first` as its first field and these files at its end.
async fn send(office: &Office, cookie: &str, first: (&str, &str), files: &[(&str, &[u8])]) -> Answer {
    let text = |name, value: &'static str| (name, None, value.as_bytes());
    let mut fields = vec![
        (first.0, None, first.1.as_bytes()),
        text("to", "NTA.FR"),
        text("subject", "case-7"),
        text("title", "Scans"),
        text("days", "30"),
        text("text", "see the attachments"),
    ];
    fields.extend(files.iter().map(|(name, content)| ("file", Some(*name), *content)));
    office.post_files(DOCUMENTS, cookie, &fields).await
}

async fn stored(office: &Office) -> usize {
    office.node.attachments(0, 100).await.unwrap().len()
}

#[tokio::test]
async fn an_officer_sends_files_with_a_document_and_sees_them_on_their_way() {
    let office = office_with_a_document().await;
    let (cookie, secret) = office.sign_in().await;
    // More than a form or a chunk holds.
    let scan = vec![b'x'; 700_000];
    let files: [(&str, &[u8]); 3] =
        [("C:\\\\scans\\\\scan 1.html", &scan), ("note.txt", b"short"), ("", b"")];
    let sent = send(&office, &cookie, ("form_token", &secret), &files).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let page = office.get(&sent.location, &cookie).await.text;
    for words in [
        "<h2 id=\"attachments-heading\">Attachments</h2>",
        "scan 1.html",
        "note.txt",
        "text/html",
        "683 KiB (700000 bytes)",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let listed = office.node.attachments(0, 100).await.unwrap();
    assert_eq!(listed.len(), 2, "a place where no file was chosen is none");
    assert_eq!((listed[0].standing, listed[0].chunks, listed[0].document.is_some()), ("waiting", 3, true));
    assert!(page.contains(listed[0].digest.as_deref().unwrap()), "{page}");
    assert_eq!(page.matches("<span class=\"tag wait\">Waiting</span>").count(), 2, "{page}");

    let list = office.get(ATTACHMENTS, &cookie).await.text;
    let (under_way, all) = list.split_once("All, newest first").unwrap();
    assert!(under_way.contains("scan 1.html") && all.contains("scan 1.html"), "{list}");
    assert!(under_way.contains(&format!("<a href=\"{}\">To NTA.FR", sent.location)), "{list}");

    let content = format!("{ATTACHMENTS}/{}/content", listed[0].id);
    assert!(list.contains(&format!("href=\"{content}\" download")), "{list}");
    let file = office.get(&content, &cookie).await;
    assert!(file.status == StatusCode::OK && file.text.as_bytes() == scan, "what comes out is what went in");
    let (operator, _) = office.sign_in_as("keeper", KEEPER).await;
    assert_eq!(office.get(&content, &operator).await.status, StatusCode::FORBIDDEN);
    assert!(
        !office.get(ATTACHMENTS, &operator).await.text.contains("download"),
        "no link that leads nowhere"
    );
    assert_eq!(office.get(&format!("{ATTACHMENTS}/99/content"), &cookie).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_that_came_is_kept_and_never_shown_as_a_page() {
    let office = office_with_files(&[("<b>\"evil\".html", b"<script>alert(1)</script>")]).await;
    let (cookie, _) = office.sign_in().await;
    let number = office.node.open_documents(0, 1).await.unwrap()[0].message;
    let page = office.get(&format!("{DOCUMENTS}/{number}"), &cookie).await.text;
    assert!(page.contains("&#60;b&#62;") && !page.contains("<b>"), "{page}");
    assert!(page.contains("<span class=\"tag good\">Complete, 1 chunk</span>"), "{page}");
    // What proves the document stands on its page; what shows more than that, only where it is given.
    let evidence = format!("href=\"/console/messages/{number}/evidence");
    let (operator, _) = office.sign_in_as("keeper", KEEPER).await;
    let of_operator = office.get(&format!("{DOCUMENTS}/{number}"), &operator).await.text;
    for (text, decides) in [(&page, true), (&of_operator, false)] {
        assert!(text.contains(&format!("{evidence}\" download")), "{text}");
        for more in ["?attachments=true\"", "?show=whole\""] {
            assert_eq!(text.contains(&format!("{evidence}{more}")), decides, "{more} in {text}");
        }
    }
    let id = office.node.document_attachments(number).await.unwrap()[0].id;
    let file = office.get(&format!("{ATTACHMENTS}/{id}/content"), &cookie).await;
    assert_eq!((file.status, file.text.as_str()), (StatusCode::OK, "<script>alert(1)</script>"));
    let text = |name: header::HeaderName| file.headers[name].to_str().unwrap();
    assert_eq!(
        text(header::CONTENT_DISPOSITION),
        format!("attachment; filename=\"attachment-{id:06}-_b__evil_.html\"")
    );
    assert_eq!(text(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert_eq!(text(header::CONTENT_SECURITY_POLICY), "sandbox; default-src 'none'");
    assert_eq!(text(header::CACHE_CONTROL), "no-store");
    assert_eq!(text(header::CONTENT_LENGTH), "25");

    assert!(office.node.erase_attachment(id).await.unwrap());
    let page = office.get(&format!("{DOCUMENTS}/{number}"), &cookie).await.text;
    assert!(page.contains(">Erased</span>") && !page.contains("/content\" download>Download<span"), "{page}");
    assert_eq!(
        office.get(&format!("{ATTACHMENTS}/{id}/content"), &cookie).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn no_file_is_touched_before_the_form_is_known_to_be_ours() {
    let office = office_with_a_document().await;
    let (cookie, secret) = office.sign_in().await;
    let file: [(&str, &[u8]); 1] = [("scan.tif", b"scan")];
    for first in [("form_token", "made-up"), ("title", "Scans"), ("form_token", "")] {
        let refused = send(&office, &cookie, first, &file).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{first:?}: {}", refused.text);
    }
    let late: [(&str, Option<&str>, &[u8]); 2] =
        [("file", Some("scan.tif"), b"scan"), ("form_token", None, secret.as_bytes())];
    assert_eq!(office.post_files(DOCUMENTS, &cookie, &late).await.status, StatusCode::FORBIDDEN);
    assert_eq!(office.post_files(DOCUMENTS, &cookie, &[]).await.status, StatusCode::FORBIDDEN);
    let (operator, secret) = office.sign_in_as("keeper", KEEPER).await;
    let refused = send(&office, &operator, ("form_token", &secret), &file).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("Officers send documents"), "{}", refused.text);
    assert_eq!(stored(&office).await, 0);
}

#[tokio::test]
async fn what_was_uploaded_waits_for_a_form_that_is_put_right() {
    let office = office_with_a_document().await;
    let (cookie, secret) = office.sign_in().await;
    let wrong: [(&str, Option<&str>, &[u8]); 5] = [
        ("form_token", None, secret.as_bytes()),
        ("to", None, b"NTA.FR"),
        ("subject", None, b"case-7"),
        ("title", None, b"Scans"),
        ("file", Some("scan.tif"), b"a scan"),
    ];
    let told = office.post_files(DOCUMENTS, &cookie, &wrong).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text.contains("Not sent: write the text of the document."), "{}", told.text);
    let id = office.node.attachments(0, 1).await.unwrap()[0].id;
    let ticked =
        format!("name=\"uploaded\" value=\"{id}\" checked> <label for=\"uploaded-{id}\">scan.tif, 6 bytes");
    assert!(told.text.contains(&ticked), "{}", told.text);
    let number = id.to_string();
    let right: [(&str, Option<&str>, &[u8]); 6] = [
        ("form_token", None, secret.as_bytes()),
        ("to", None, b"NTA.FR"),
        ("subject", None, b"case-7"),
        ("title", None, b"Scans"),
        ("text", None, b"see the attachment"),
        ("uploaded", None, number.as_bytes()),
    ];
    let sent = office.post_files(DOCUMENTS, &cookie, &right).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    assert!(office.get(&sent.location, &cookie).await.text.contains("scan.tif"));
    assert!(!office.get(DOCUMENTS, &cookie).await.text.contains("name=\"uploaded\""), "it went");
}

#[tokio::test]
async fn too_many_files_and_too_much_text_are_told() {
    let office = office_with_a_document().await;
    let (cookie, secret) = office.sign_in().await;
    let names: Vec<String> = (0..16).map(|number| format!("scan-{number}.tif")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"scan".as_slice())).collect();
    let told = send(&office, &cookie, ("form_token", &secret), &files).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text.contains("a document takes at most 15 attachments along"), "{}", told.text);
    assert_eq!(stored(&office).await, 15);
    let long = vec![b'x'; 17 * 1024];
    let fields: [(&str, Option<&str>, &[u8]); 2] =
        [("form_token", None, secret.as_bytes()), ("text", None, &long)];
    let told = office.post_files(DOCUMENTS, &cookie, &fields).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert!(told.text.contains("16384 bytes at most"), "{}", told.text);
}

#[tokio::test]
async fn a_form_that_never_comes_to_its_content_is_cut_off() {
    let office = office_with_a_document().await;
    let (cookie, secret) = office.sign_in().await;
    let field = "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n";
    let head =
        format!("{field}{secret}\r\n--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"");
    for start in [String::new(), head] {
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
        let sending = tokio::spawn(async move {
            sender.send_data(start.into()).await.unwrap();
            let mut sent = 0;
            while sent < 64 && sender.send_data(Bytes::from(vec![b'x'; 64 * 1024])).await.is_ok() {
                sent += 1;
            }
            sent
        });
        let told = office.post_stream(DOCUMENTS, &cookie, Body::new(body)).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{}", told.text);
        assert!(told.text.contains("has 1048576 bytes at most"), "{}", told.text);
        let sent = sending.await.unwrap();
        assert!(sent < 20, "{sent} pieces of 64 KiB were taken");
    }
    assert_eq!(stored(&office).await, 0);
}
