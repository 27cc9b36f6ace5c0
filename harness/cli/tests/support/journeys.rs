//! Journeys that several tests play: of the demo system, and of the smallest one.

/// One request to the demo system.
pub(crate) const BROWSE: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/v1/products"
expect = ["status == 200"]
"#;

/// The same by somebody who does not wait for long.
pub(crate) const BROWSE_SHORTLY: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/v1/products"
timeout = "1s"
expect = ["status == 200"]
"#;

/// A request to the demo system that always fails, with an identifier in it.
pub(crate) const LOST: &str = r#"
title = "A visitor asks for what there is not, which shows in an example"
tags = ["load-only"]
[[step]]
name = "nothing"
get = "/v1/products/{{ uuid() }}"
expect = ["status == 200"]
"#;

/// One request to the smallest system, under load only.
pub(crate) const VISIT: &str = r#"
title = "A visit"
tags = ["load-only"]
[[step]]
name = "the page"
get = "/"
timeout = "1s"
"#;
