//! Goose as the closed model's peer: users that ask without pause, its reports and logs off.
//!     goose-peer URL USERS SECONDS
use goose::config::GooseConfiguration;
use goose::prelude::*;

async fn ask(user: &mut GooseUser) -> TransactionResult {
    if let Ok(response) = user.get("").await?.response {
        let _ = response.bytes().await;
    }
    Ok(())
}

fn main() -> Result<(), GooseError> {
    let arguments: Vec<String> = std::env::args().collect();
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(arguments[1].clone());
    configuration.users = arguments[2].parse().ok();
    configuration.run_time = Some(arguments[3].clone());
    configuration.increase_rate = Some("1000".into());
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    configuration.no_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_reset_metrics = true;
    configuration.quiet = 2;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        GooseAttack::initialize_with_config(configuration)?
            .register_scenario(scenario!("ask").register_transaction(transaction!(ask)))
            .execute()
            .await
    })?;
    Ok(())
}
