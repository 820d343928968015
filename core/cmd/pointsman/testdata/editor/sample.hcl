# A comment.
locals {
  limit = 10.5 * mb // another
}

rule "big" {
  on   = ["store", "x"]
  when = startswith(event.data.object.key, "img/") && !(event.data.object.size <= local.limit)

  dispatch "ops" {
    text = "A ${upper(event.type)} \"x\" of %{ if true }y%{ endif }"
    list = [for k, v in { a = null } : nosuch(k)]
    long = <<-EOT
      Hello ${event.subject}
    EOT
  }
}
