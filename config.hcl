# The configuration of `make run`: sample data, mail into the Maildir data/mail, no accounts needed.
# Try it:  bin/pointsman send intdash --action completed --measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9

variable "intdash_secret" {
  description = "Secret of the intdash webhook. Set POINTSMAN_VAR_intdash_secret to your own; this default is public."
  default     = "only-for-trying-pointsman-out-0001"
}

server {
  listen = "127.0.0.1:8080" # sources are mounted here
}

admin {
  listen = "127.0.0.1:8081" # health and metrics
}

journal {
  path = "data/journal.db" # acknowledged events and their deliveries
}

plugins {
  dir = "bin" # holds the programs pointsman-plugin-<kind>
}

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [var.intdash_secret]
}

plugin "stats-email" "mail" {
  settings {
    data    = "sample" # "intdash" fetches the measurement's own data points
    via     = "maildir"
    maildir = "data/mail"
    from    = "pointsman@localhost"
  }
}

rule "measurement-completed" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "mail" {
    to      = ["ops@localhost"]
    subject = "Measurement ${event.data.measurement_uuid} is complete"
  }
}
