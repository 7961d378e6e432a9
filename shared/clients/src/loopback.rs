//! Small servers on the loopback interface, for tests over a real connection.

use axum::Router;
use tokio::net::TcpListener;

/// Serves `routes` until the test's runtime ends; returns `http://127.0.0.1:<port>`.
pub(crate) async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    base
}

/// The base URL of a port that refuses connections.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
