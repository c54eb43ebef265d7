"""Browsers of a host: finding them, opening them through Selenium, proving what they can compute.

Runs on hosts, so it needs nothing but the standard library; selenium is imported where a browser is opened, and its
absence is an answer.
"""
