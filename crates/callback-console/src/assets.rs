//! What pages are made of beside their text: embedded, named by their content, kept for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::routes::Routes;

/// A file within the program.
struct Asset {
    stem: &'static str,
    ending: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        stem: "console",
        ending: "css",
        kind: "text/css; charset=utf-8",
        text: concat!(include_str!("assets/console.css"), include_str!("assets/panel.css")),
    },
    Asset {
        stem: "console",
        ending: "js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/console.js"),
    },
    Asset {
        stem: "icon",
        ending: "svg",
        kind: "image/svg+xml",
        text: include_str!("assets/icon.svg"),
    },
];

/// The address of each, in their order.
static ADDRESSES: LazyLock<[String; 3]> = LazyLock::new(|| {
    ASSETS.map(|asset| {
        let digest = Sha256::digest(asset.text.as_bytes());
        let mark: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("/console/assets/{}-{mark}.{}", asset.stem, asset.ending)
    })
});

pub(crate) fn style() -> &'static str {
    &ADDRESSES[0]
}

pub(crate) fn script() -> &'static str {
    &ADDRESSES[1]
}

pub(crate) fn icon() -> &'static str {
    &ADDRESSES[2]
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.file("/console/assets/{name}", serve)
}

async fn serve(Path(name): Path<String>) -> Response {
    let asked = format!("/console/assets/{name}");
    let found = ASSETS.iter().zip(ADDRESSES.iter()).find(|(_, address)| **address == asked);
    let Some((asset, _)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.text).into_response()
}
