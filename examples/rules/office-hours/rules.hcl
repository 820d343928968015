# Alarms ring in the office while somebody is there, and on call otherwise. The office is in Tokyo.

source "sns" "alarms" {
  topics = ["arn:aws:sns:ap-northeast-1:123456789012:*"]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

locals {
  zone = "Asia/Tokyo"
}

rule "office" {
  on = ["alarms"]
  when = (
    weekday(event.time, local.zone) <= 5
    && hour(event.time, local.zone) >= 9
    && hour(event.time, local.zone) < 18
  )

  dispatch "ops" {
    channel = "#office"
    text    = "${formatdate("hh:mm", event.time, local.zone)} ${event.data.message}"
  }
}

rule "on-call" {
  on       = ["alarms"]
  fallback = true
  when     = true

  dispatch "ops" {
    channel = "#on-call"
    text    = "${formatdate("EEE hh:mm", event.time, local.zone)} ${event.data.message}"
  }
}
