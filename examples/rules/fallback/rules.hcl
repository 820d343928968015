# What no rule took is told as well, so that nothing is forgotten.

source "intdash" "lab" {
  secrets = [env("INTDASH_SECRET")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "measurement" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement"

  dispatch "ops" {
    text = "Measurement ${event.data.measurement_uuid}: ${event.data.action}"
  }
}

rule "edge" {
  on   = ["lab"]
  when = event.data.resource_type == "edge"

  dispatch "ops" {
    text = "Edge ${event.data.resource_uuid}: ${event.data.action}"
  }
}

rule "anything-else" {
  on       = ["lab"]
  fallback = true
  when     = true

  dispatch "ops" {
    text  = "Nobody knows what to do with ${event.type}"
    color = "warning"
  }
}
