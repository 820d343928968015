# A complete configuration: a measurement on an intdash server is complete, and its statistics arrive as a mail.
#
#   export INTDASH_SECRET=...  INTDASH_TOKEN=...  SMTP_PASSWORD=...
#   pointsman run sample.hcl

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("INTDASH_SECRET")]
}

plugin "stats-email" "report" {
  settings {
    data = "intdash"
    intdash {
      url   = "https://intdash.example.com"
      token = env("INTDASH_TOKEN")
    }

    via  = "smtp"
    from = "Pointsman <pointsman@example.com>"
    smtp {
      host     = "mail.example.com"
      username = "pointsman"
      password = env("SMTP_PASSWORD")
    }
  }
}

rule "measurement-report" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "report" {
    to      = ["ops@example.com"]
    subject = "Measurement {{.Measurement}}: average {{.Average}}"
    filter  = ["float64:10/distance"]
  }
}
