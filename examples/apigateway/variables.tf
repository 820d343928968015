variable "region" {
  description = "Region of the API and the table."
  type        = string
  default     = "eu-west-1"
}

variable "name" {
  description = "Name of the API, and how the names of everything else begin."
  type        = string
  default     = "chat"
}

variable "stage" {
  description = "Stage of the API: the last part of its address."
  type        = string
  default     = "dev"
}

variable "router_url" {
  description = "Where the API posts to: the router's public address with the source's path, such as https://router.example.com/chat."
  type        = string

  validation {
    condition     = startswith(var.router_url, "https://")
    error_message = "The secret and all messages go there: use https."
  }
}

variable "secret" {
  description = "What the API shows to the router, one of the source's secrets: 24 letters and digits or more."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{24,128}$", var.secret))
    error_message = "Want 24 to 128 letters, digits, - or _."
  }
}

variable "routes" {
  description = "Routes beside $connect, $disconnect and $default. A message goes to the one that its member \"action\" names."
  type        = set(string)
  default     = []
}

variable "throttling_rate" {
  description = "Messages a second of all connections, sustained."
  type        = number
  default     = 10000
}

variable "throttling_burst" {
  description = "Messages at once of all connections."
  type        = number
  default     = 5000
}

variable "log_retention_days" {
  description = "How long the access log is kept."
  type        = number
  default     = 30
}

variable "log_account" {
  description = "Let API Gateway write logs in this account and region. false: something else has seen to that."
  type        = bool
  default     = true
}

variable "domain" {
  description = "A name of your own for the API, such as chat.example.com. Empty: the address that API Gateway gives it."
  type        = string
  default     = ""
}

variable "certificate_arn" {
  description = "Certificate for domain in AWS Certificate Manager, in the same region."
  type        = string
  default     = ""
}

variable "zone_id" {
  description = "Route 53 zone that domain is in. Empty: its record is made elsewhere."
  type        = string
  default     = ""
}
