terraform {
  required_version = ">= 1.3.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 4.56"
    }
  }
}

variable "region" {
  description = "The region of Amazon's that the machine runs in"
  type        = string
  nullable    = false
}

provider "aws" {
  profile = "nixos-in-production"
  region  = var.region
}

# From outside: logging in and web pages. To the outside: everything.
resource "aws_security_group" "machine" {
  dynamic "ingress" {
    for_each = [22, 80]
    content {
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# A key for this machine alone. The file of the private half stays out of Git (see .gitignore).
resource "tls_private_key" "machine" {
  algorithm = "ED25519"
}

resource "local_sensitive_file" "private_key" {
  filename        = "${path.module}/id_ed25519"
  content         = tls_private_key.machine.private_key_openssh
  file_permission = "0600"
}

resource "local_file" "public_key" {
  filename = "${path.module}/id_ed25519.pub"
  content  = tls_private_key.machine.public_key_openssh
}

resource "aws_key_pair" "machine" {
  public_key = tls_private_key.machine.public_key_openssh
}

module "ami" {
  source  = "github.com/Gabriella439/terraform-nixos-ng//ami?ref=af1a0af57287851f957be2b524fcdc008a21d9ae"
  release = "23.05"
  region  = var.region
  system  = "x86_64-linux"
}

resource "aws_instance" "todo" {
  ami                    = module.ami.ami
  instance_type          = "t3.micro"
  key_name               = aws_key_pair.machine.key_name
  vpc_security_group_ids = [aws_security_group.machine.id]

  root_block_device {
    volume_size = 7
  }

  # The machine decrypts its secrets with the same key.
  user_data = <<-SCRIPT
    #!/bin/sh
    (umask 377; echo '${tls_private_key.machine.private_key_openssh}' > /var/lib/id_ed25519)
  SCRIPT
}

# Done when the machine can be logged in to.
resource "null_resource" "wait" {
  provisioner "remote-exec" {
    inline = [":"]

    connection {
      host        = aws_instance.todo.public_dns
      private_key = tls_private_key.machine.private_key_openssh
    }
  }
}

module "nixos" {
  source      = "github.com/Gabriella439/terraform-nixos-ng//nixos?ref=af1a0af57287851f957be2b524fcdc008a21d9ae"
  host        = "root@${aws_instance.todo.public_ip}"
  flake       = ".#default"
  arguments   = ["--build-host", "root@${aws_instance.todo.public_ip}"]
  ssh_options = "-o StrictHostKeyChecking=accept-new -i ${local_sensitive_file.private_key.filename}"
  depends_on  = [null_resource.wait]
}

output "public_dns" {
  value = aws_instance.todo.public_dns
}
