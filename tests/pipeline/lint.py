#!/usr/bin/env python3
"""Judges CloudFormation templates with cfn-lint; its options and files are this program's."""

from cfnlint.runner import main

main()
