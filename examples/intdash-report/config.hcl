# A statistics mail for every completed measurement. README.md beside this file explains it.

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("INTDASH_SECRET")]
}

plugin "stats-email" "report" {
  settings {
    data = "sample"

    # With your own measurements:
    # data = "intdash"
    # intdash {
    #   url   = "https://example.intdash.jp"
    #   token = env("INTDASH_TOKEN")
    # }

    via     = "maildir"
    maildir = "data/mail"
    from    = "pointsman@example.com"

    # With a mail server:
    # via = "smtp"
    # smtp {
    #   host     = "smtp.example.com"
    #   username = "pointsman"
    #   password = env("SMTP_PASSWORD")
    # }
  }
}

rule "report" {
  description = "Mail the statistics of a measurement to the people who wait for them."

  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "report" {
    to      = ["ops@example.com"]
    subject = "Measurement ${event.data.measurement_uuid} is complete"

    retry {
      max_age = "24h"
    }
  }
}
