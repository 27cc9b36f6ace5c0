Feature: Checkout
  What a customer relies on, whatever happens behind the shop.

  @critical @smoke
  Scenario: An order is confirmed
    When I run "checkout"

  @critical
  Scenario: A declined payment is told
    Given the header "idempotency-key" is "{{ uuid() }}"
    When I POST "/orders" with JSON
      """
      { "sku": "SKU-001", "quantity": 13 }
      """
    Then the status is 201
    And I keep "$.id" as "order"
    When I GET "/orders/{{ order }}"
    Then within "5s" it holds that: $.status == 'DECLINED'

  @chaos
  Scenario: A slow payment provider delays nothing but the confirmation
    Given the link "payments" is slow by "800ms"
    When I run "checkout"
