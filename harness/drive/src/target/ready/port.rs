//! Ready when its port accepts a connection.

use super::ASK;

/// One question; the error is what happened instead. `port` is the one that people know.
pub(super) async fn ask(address: Option<&str>, port: u16) -> Result<(), String> {
    let Some(address) = address else {
        return Err(format!(
            "port {port} is nowhere: the service's container has no address"
        ));
    };
    match tokio::time::timeout(ASK, tokio::net::TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("port {port} does not accept a connection: {error}")),
        Err(_) => Err(format!("port {port} does not accept a connection")),
    }
}
