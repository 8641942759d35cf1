"""The Livy client: send (`http`), call (`client`), wait (`waiting`), follow (`statements`, `sessions`). Knows no notebook."""
