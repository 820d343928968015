plugins { dir = "BIN" }

source "intdash" "lab" { secrets = [env("PLAN_SECRET")] }

plugin "noop" "ops" {}
plugin "noop" "mail" {}
plugin "slack" "chat" {
  settings {
    webhook_url = env("PLAN_URL")
  }
}
