#!/bin/sh
# Brings the shop up on a machine, or up to date.
cd "$(dirname "$0")"
git pull origin production
pip install -r requirements.txt
nohup python -m shop.mails >> log/mails.log 2>&1 &
python -m shop.app >> log/shop.log 2>&1
