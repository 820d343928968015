# What Amazon SNS topics publish, in a Slack channel. README.md beside this file explains it.

variable "try" {
  description = "Address of `pointsman send sns`, to try it without AWS. Empty: only Amazon's signatures count."
  default     = ""
}

source "sns" "alarms" {
  path   = "/hooks/alarms"
  topics = ["arn:aws:sns:ap-northeast-1:123456789012:*"]

  # When all these topics have the attribute SignatureVersion = 2:
  # require_signature_version = 2

  insecure_cert_hosts = var.try == "" ? [] : [var.try]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "alarm" {
  description = "CloudWatch's alarms, which are JSON."

  on   = ["alarms"]
  when = event.type == "sns.notification" && event.data.message_json.AlarmName != null

  dispatch "ops" {
    text  = "${event.data.message_json.NewStateValue}: ${event.data.message_json.AlarmName}"
    color = event.data.message_json.NewStateValue == "OK" ? "good" : "danger"

    field {
      title = "reason"
      value = event.data.message_json.NewStateReason
    }

    field {
      title = "region"
      value = event.data.message_json.Region
      short = true
    }
  }
}

rule "anything-else" {
  description = "Topic, subject, message and time, as the plugin lays them out."

  on   = ["alarms"]
  when = event.type == "sns.notification" && event.data.message_json.AlarmName == null

  dispatch "ops" {}
}

rule "unsubscribed" {
  description = "Somebody has ended a subscription: nothing will come from that topic any more."

  on   = ["alarms"]
  when = event.type == "sns.unsubscribed"

  dispatch "ops" {
    text  = "The subscription to ${event.data.topic} was ended"
    color = "danger"
  }
}
