# Messages of SNS by an attribute that their publisher gives them.

source "sns" "alarms" {
  topics = ["arn:aws:sns:ap-northeast-1:123456789012:*"]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "urgent" {
  on   = ["alarms"]
  when = contains(["high", "critical"], event.data.attributes.severity)

  dispatch "ops" {
    text  = "${event.data.subject}: ${event.data.message}"
    color = event.data.attributes.severity == "critical" ? "danger" : "warning"
  }
}
