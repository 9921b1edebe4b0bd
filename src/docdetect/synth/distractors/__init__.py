"""Printed pictures that resemble marks and are none."""
